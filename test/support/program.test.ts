import { beforeAll, expect, it } from 'vitest';
import { built } from './built.js';
import { STEP_MS } from './limits.js';
import { Program, temporaryDirectory } from './program.js';

beforeAll(built);

/** Well below the limit of a step, which is what a wait for a program that has ended would take. */
const SOON_MS = (STEP_MS * 2) / 3;

it(
  'finds what was printed before the end, and misses at once what was not',
  async () => {
    const program = new Program(['--version']);
    expect(await program.exit()).toBe(0);
    expect((await program.waitFor(/^gpiobridge (\S+)\n$/))[1]).toMatch(/^\d/);
    await expect(program.waitFor(/never/)).rejects.toThrow(/ended with 0\n/);
  },
  SOON_MS,
);

it(
  'stops waiting for a program that is killed',
  async () => {
    const directory = temporaryDirectory();
    const program = new Program(['sim', '--listen', `unix:${directory.join('hub')}`]);
    try {
      await program.waitFor(/listening on/);
      const waiting = expect(program.waitFor(/never/)).rejects.toThrow(/ended with SIGKILL\n/);
      program.process.kill('SIGKILL');
      await waiting;
    } finally {
      await program.stop('SIGKILL');
      directory.remove();
    }
  },
  SOON_MS,
);
