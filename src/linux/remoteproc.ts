import { writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { attribute, devicePath, entries, SYSFS } from './sysfs.js';

/** What `state` reads; others may come with later kernels. */
export type ProcessorState =
  | 'offline'
  | 'suspended'
  | 'running'
  | 'crashed'
  | 'deleted'
  | 'attached'
  | 'detached'
  | (string & {});

/** A remote processor as sysfs shows it. */
export interface RemoteProcessor {
  /** `remoteproc0` */
  readonly device: string;
  /** The name that its driver gave it: `m4`. */
  readonly name: string;
  readonly state: ProcessorState;
  /** The file of its firmware; undefined where the kernel does not say. */
  readonly firmware: string | undefined;
  /** Whether the kernel restarts it by itself after a crash. */
  readonly recovery: string | undefined;
  /** What the kernel keeps of its memory after a crash. */
  readonly coredump: string | undefined;
  /** Below /sys/devices. */
  readonly path: string;
}

/** What stays as it is when processors are numbered anew: the hardware, below /sys/devices. */
export function hardwareOf({ path }: RemoteProcessor): string {
  return dirname(dirname(path));
}

/** Attributes that tell a processor what to do. */
export type ProcessorControl = 'state' | 'firmware' | 'recovery';

/** The remote processors that the kernel knows, read anew at each question. `root` is where sysfs is. */
export class RemoteprocTree {
  constructor(
    private readonly root: string = SYSFS,
    private readonly writeAttribute: (path: string, text: string) => void = writeFileSync,
  ) {}

  /** Whether the kernel has remoteproc at all. */
  get exists(): boolean {
    return devicePath(join(this.root, 'class/remoteproc')) !== undefined;
  }

  processors(): RemoteProcessor[] {
    const folder = join(this.root, 'class/remoteproc');
    return entries(folder).flatMap((device) => this.processor(device) ?? []);
  }

  /** By device, `remoteproc0`; undefined when it is gone. */
  processor(device: string): RemoteProcessor | undefined {
    const path = devicePath(join(this.root, 'class/remoteproc', device));
    const state = path === undefined ? undefined : attribute(join(path, 'state'));
    if (path === undefined || state === undefined) return undefined;
    const read = (name: string): string | undefined => attribute(join(path, name));
    return {
      device,
      name: read('name') ?? device,
      state,
      firmware: read('firmware'),
      recovery: read('recovery'),
      coredump: read('coredump'),
      path,
    };
  }

  /**
   * The processor behind a device, by its place below /sys/devices: the device stands below the
   * processor, or beside it below the hardware that both belong to. Undefined: behind none.
   */
  behind(path: string): RemoteProcessor | undefined {
    if (entries(join(this.root, 'class/remoteproc')).length === 0) return undefined;
    for (let at = path; at !== dirname(at) && basename(at) !== 'devices'; at = dirname(at)) {
      if (basename(dirname(at)) === 'remoteproc') return this.processor(basename(at));
      const beside = entries(join(at, 'remoteproc'));
      if (beside.length === 1) return this.processor(beside[0]!);
    }
    return undefined;
  }

  /** Writes to an attribute; the kernel does it before this returns. Throws as writeFileSync. */
  write({ path }: RemoteProcessor, control: ProcessorControl, text: string): void {
    this.writeAttribute(join(path, control), text);
  }
}
