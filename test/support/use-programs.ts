import { afterEach, beforeEach } from 'vitest';
import { Program, type ProgramStart, temporaryDirectory } from './program.js';

/** A directory, and programs that are killed before it is removed. */
export interface ProgramRoom {
  /** A path in the directory. */
  join(name: string): string;
  start(args: readonly string[], env?: Readonly<Record<string, string>>, how?: ProgramStart): Program;
}

/** A room for each test of the file or of the `describe` that calls this. */
export function usePrograms(): ProgramRoom {
  let directory: ReturnType<typeof temporaryDirectory>;
  const programs: Program[] = [];
  beforeEach(() => {
    directory = temporaryDirectory();
  });
  afterEach(async () => {
    for (const program of programs.splice(0)) await program.stop('SIGKILL');
    directory.remove();
  });
  return {
    join: (name) => directory.join(name),
    start: (args, env, how) => {
      const program = new Program(args, env, how);
      programs.push(program);
      return program;
    },
  };
}
