import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { STEP_MS } from './limits.js';
import { MAIN } from './root.js';

export interface ProgramStart {
  /** A link to the program, whose name it is to take. */
  readonly executable?: string;
  readonly stdin?: 'ignore' | 'pipe';
}

/** `gpiobridge ...` as a process of its own, as a user would start it (from dist). */
export class Program {
  readonly process: ChildProcess;
  stdout = '';
  stderr = '';
  private readonly exited: Promise<number | string>;
  private readonly watchers = new Set<() => void>();
  /** It has ended, and all that it printed has been read: what it printed last comes after its exit. */
  private closed = false;

  constructor(
    readonly args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    how: ProgramStart = {},
  ) {
    const { executable = MAIN, stdin = 'ignore' } = how;
    this.process = spawn(process.execPath, [executable, ...args], {
      stdio: [stdin, 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    this.process.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.notify();
    });
    this.process.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      this.notify();
    });
    this.exited = new Promise((resolve) => {
      this.process.on('close', (code, signal) => {
        this.closed = true;
        resolve(code ?? signal ?? 'unknown');
        this.notify();
      });
    });
  }

  /** Resolves when what was printed matches; rejects, with all of it, at the limit or the program's end. */
  async waitFor(pattern: RegExp, limitMs = STEP_MS): Promise<RegExpMatchArray> {
    const found = (): RegExpMatchArray | null => this.stdout.match(pattern) ?? this.stderr.match(pattern);
    await this.until(() => found() !== null, `for ${pattern}`, limitMs);
    return found()!;
  }

  /** The exit status, or the name of the signal. */
  async exit(limitMs = STEP_MS): Promise<number | string> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(this.describe(`its end for ${limitMs} ms`))), limitMs);
    });
    return Promise.race([this.exited, limit]).finally(() => clearTimeout(timer));
  }

  /** Ends it with a signal and waits for that. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | string> {
    this.process.kill(signal);
    return this.exit();
  }

  private async until(condition: () => boolean, what: string, limitMs: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const done = (error?: Error): void => {
        clearTimeout(timer);
        this.watchers.delete(check);
        if (error === undefined) resolve();
        else reject(error);
      };
      const timer = setTimeout(() => done(new Error(this.describe(`${what} for ${limitMs} ms`))), limitMs);
      const check = (): void => {
        if (condition()) done();
        else if (this.closed) done(new Error(this.describe(what)));
      };
      this.watchers.add(check);
      check();
    });
  }

  private notify(): void {
    for (const watcher of [...this.watchers]) watcher();
  }

  private describe(what: string): string {
    const { exitCode, signalCode } = this.process;
    const state = this.closed ? `ended with ${exitCode ?? signalCode}` : 'still runs';
    return `waited ${what}: gpiobridge ${this.args.join(' ')} ${state}\nstdout: ${this.stdout}\nstderr: ${this.stderr}`;
  }
}

/** A temporary directory, short enough for Unix socket paths. */
export function temporaryDirectory(): { path: string; join: (name: string) => string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'gb-'));
  return {
    path,
    join: (name) => join(path, name),
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** Runs `gpiobridge ...` to its end. */
export async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  limitMs = STEP_MS,
): Promise<{ status: number | string; stdout: string; stderr: string }> {
  const program = new Program(args, env);
  const status = await program.exit(limitMs);
  return { status, stdout: program.stdout, stderr: program.stderr };
}

/** Polls until `probe` returns something other than undefined; rejects with `what` at the limit. */
export async function eventually<T>(
  probe: () => T | undefined | Promise<T | undefined>,
  what: string | (() => string),
  limitMs = STEP_MS,
): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (Date.now() > deadline)
      throw new Error(`not within ${limitMs} ms: ${typeof what === 'string' ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
