import { readdirSync, readFileSync } from 'node:fs';
import type { PortHolder } from './port-holder.js';

/** Programs that open every new serial port by themselves, to see whether it is theirs. */
const GRABBERS: readonly string[] = ['ModemManager', 'brltty'];

/** Those of them that run, as far as this user may look. */
export function portGrabbers(): PortHolder[] {
  return entries('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), command: commandOf(name) }))
    .filter(({ command }) => GRABBERS.includes(command));
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Empty for a process that has ended meanwhile. */
function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}
