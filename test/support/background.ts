import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A process that `set --daemonize` left behind for this daemon. */
export interface BackgroundProcess {
  readonly pid: number;
  /** As `ps` shows it. */
  readonly title: string;
  readonly cwd: string;
  readonly sessionId: number;
}

/** Processes with this GPIOBRIDGE_RUNTIME_DIR whose title begins so. */
export function backgroundProcesses(runtimeDir: string, title: string): BackgroundProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const read = (file: string) => readFileSync(`/proc/${name}/${file}`, 'utf8');
        const shown = read('cmdline').split('\0').join(' ').trim();
        if (!shown.startsWith(title)) return [];
        if (!read('environ').split('\0').includes(`GPIOBRIDGE_RUNTIME_DIR=${runtimeDir}`)) return [];
        // After the name, which is in parentheses: state, parent, group, session.
        const fields = read('stat')
          .replace(/^.*\) /s, '')
          .split(' ');
        const cwd = readlinkSync(`/proc/${name}/cwd`);
        return [{ pid: Number(name), title: shown, cwd, sessionId: Number(fields[3]) }];
      } catch {
        // It has ended, or is somebody else's.
        return [];
      }
    });
}
