import { execFile } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { promisify } from 'node:util';
import { test as base } from 'vitest';
import { isExclusive } from '../../src/linux/tty.js';
import { STEP_MS } from '../support/limits.js';
import { run, temporaryDirectory } from '../support/program.js';
import { MAIN } from '../support/root.js';
import { type StrangePort, strangePort } from '../support/strange-ports.js';

/** What a test has to itself, so that several run at a time: most of their time is waited. */
export class Place {
  readonly directory = temporaryDirectory();
  readonly cleanUp: (() => unknown)[] = [];

  async port(play?: Parameters<typeof strangePort>[1]): Promise<StrangePort> {
    const made = await strangePort(this.directory.join('port'), play);
    this.cleanUp.push(made.close);
    return made;
  }

  async leave(): Promise<void> {
    for (const step of this.cleanUp.reverse()) await step();
    this.directory.remove();
  }
}

/** A test with a place of its own. */
export const it = base.extend<{ here: Place }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest finds what a fixture needs in its first parameter.
  here: async ({}, use) => {
    const here = new Place();
    await use(here);
    await here.leave();
  },
});

/** Where no daemon is, whatever runs on this machine. */
export const alone = () => ({ GPIOBRIDGE_RUNTIME_DIR: '/nonexistent/gpiobridge' });
export const probe = (...args: string[]) => run(['probe', ...args], alone(), 2 * STEP_MS);
/** Options: enough time for what plays the port, in this process, to get its turn. */
export const PLAYED = ['--seconds', '4'];
/** Options: it ends when it is answered, however late that is. */
export const ANSWERED = ['--seconds', '30'];

/** Whether a program has opened the port to the end: for itself alone. */
export function isExclusivelyOpen(path: string): boolean {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EBUSY';
  }
  try {
    return isExclusive(fd);
  } finally {
    closeSync(fd);
  }
}

/** As a user who is in no group that matters; where this process cannot become one, as it is. */
export async function asNobody(args: readonly string[]): Promise<{ status: number; stdout: string }> {
  const script = `if (process.getuid() === 0) { process.setgroups([]); process.setgid(65534); process.setuid(65534); }
    process.argv = [process.argv[0], ${JSON.stringify(MAIN)}, ...${JSON.stringify(args)}];
    import(${JSON.stringify(MAIN)});`;
  const started = promisify(execFile)(process.execPath, ['-e', script], {
    env: { ...process.env, ...alone() },
  });
  return started.then(
    ({ stdout }) => ({ status: 0, stdout }),
    (error: { code: number; stdout: string }) => ({ status: error.code, stdout: error.stdout }),
  );
}
