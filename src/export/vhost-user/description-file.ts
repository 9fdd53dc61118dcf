import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { processIdentity } from '../../linux/process-identity.js';
import type { GuestDescription } from './guest-device.js';

/** The hypervisor that a description was given to. */
export interface ToldTo {
  readonly pid: number;
  /** As of processIdentity. */
  readonly identity: string;
}

/**
 * What the present guest was told of its lines, for a daemon that starts while the guest runs on: the
 * guest will not ask again, and the coprocessor may take its time.
 */
export class DescriptionFile {
  constructor(readonly path: string) {}

  /** What was told, and to which hypervisor; only if that runs still. */
  read(): { readonly description: GuestDescription; readonly toldTo: ToldTo } | undefined {
    try {
      const { names, toldTo } = JSON.parse(readFileSync(this.path, 'utf8')) as {
        names: unknown;
        toldTo: ToldTo;
      };
      if (!isNames(names) || processIdentity(toldTo.pid) !== toldTo.identity) return undefined;
      return { description: { names }, toldTo };
    } catch {
      return undefined;
    }
  }

  /** Throws what the file system does. */
  write({ names }: GuestDescription, toldTo: ToldTo): void {
    const temporary = `${this.path}.new`;
    writeFileSync(temporary, JSON.stringify({ names, toldTo }), { mode: 0o600 });
    renameSync(temporary, this.path);
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }
}

function isNames(names: unknown): names is string[] {
  return Array.isArray(names) && names.length > 0 && names.every((name) => typeof name === 'string');
}
