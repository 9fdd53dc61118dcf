import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** One of the demo's processes. */
export interface Child {
  readonly name: string;
  /** Rejects when the process ends before it was told to, with what it last said on stderr. */
  readonly failed: Promise<never>;
  /** Resolves when it ends with status 0 before it was told to; rejects as `failed` does. */
  readonly finished: Promise<void>;
  /** Asks it to end, waits, and kills it when it does not. */
  stop(): Promise<void>;
}

export interface ChildOptions {
  /** Show what it prints; else stderr is kept back, and told when it fails. */
  readonly showOutput: boolean;
  /** From when on nothing of its stderr is shown: all are ending. */
  readonly ending: AbortSignal;
}

const STOP_MS = 2_000;
const KEPT_BYTES = 4_096;

/** Starts `gpiobridge ARGS...` in the process group of this one. */
export function startChild(
  name: string,
  args: readonly string[],
  { showOutput, ending }: ChildOptions,
): Child {
  const main = process.argv[1];
  const process_ = spawn(process.execPath, [main, ...args], {
    stdio: ['ignore', showOutput ? 'inherit' : 'ignore', 'pipe'],
  });
  let said = '';
  process_.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-KEPT_BYTES);
    if (showOutput && !stopping && !ending.aborted) process.stderr.write(text);
  });
  let stopping = false;
  const exited = once(process_, 'exit');
  const failed = exited.then(async ([code, signal]) => {
    if (stopping) return new Promise<never>(() => undefined);
    throw new Error(
      `${name} ended (${signal ?? `status ${code}`})${said === '' || showOutput ? '' : `:\n${said.trimEnd()}`}`,
    );
  });
  failed.catch(() => undefined);
  const finished = exited.then(([code]) => (code === 0 && !stopping ? undefined : failed));
  finished.catch(() => undefined);
  return {
    name,
    failed,
    finished,
    async stop() {
      stopping = true;
      await endProcess(process_, exited);
    },
  };
}

async function endProcess(process_: ChildProcess, exited: Promise<unknown>): Promise<void> {
  if (process_.exitCode !== null || process_.signalCode !== null) return;
  process_.kill('SIGTERM');
  const timer = setTimeout(() => process_.kill('SIGKILL'), STOP_MS);
  await exited;
  clearTimeout(timer);
}
