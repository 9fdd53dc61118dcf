import { readFileSync } from 'node:fs';

/** Field 22 of /proc/PID/stat, counted behind the command, which may contain anything. */
const START_TIME = 22 - 3;

/**
 * Tells a process from a later one with the same pid: when it started, in the kernel's words.
 * Undefined where there is no such process, or none that this one may see.
 */
export function processIdentity(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie holds nothing any more.
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[START_TIME];
  } catch {
    return undefined;
  }
}
