import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { BridgeClient } from '../../api/client/types.js';
import { messageOf } from '../../base/errors.js';
import { UsageError } from '../errors.js';
import { dieOf } from '../signals.js';

/** Passed on to the command. A terminal sends SIGINT and SIGQUIT to both by itself. */
const FORWARDED: readonly NodeJS.Signals[] = [
  'SIGTERM',
  'SIGHUP',
  'SIGUSR1',
  'SIGUSR2',
  'SIGCONT',
  'SIGWINCH',
];
const FROM_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];

/** As of a shell: the command cannot be run, and there is none of that name. */
const STATUS_NOT_RUN = 126;
const STATUS_NOT_FOUND = 127;

const WHY_NOT_RUN: Readonly<Record<string, string>> = {
  ENOENT: 'command not found',
  EACCES: 'permission denied',
  ENOTDIR: 'not a directory',
  E2BIG: 'too many arguments',
};

/**
 * Runs a command to its end, and resolves with its exit status. `beforeEnd` is called when it has
 * ended, however it did; where a signal ended it, this program then ends by the same. Should the
 * daemon go first, that is said, and the command goes on.
 */
export async function runCommand(
  command: readonly string[],
  daemon: BridgeClient,
  beforeEnd: () => Promise<void>,
): Promise<number> {
  const [file, ...args] = command;
  let child: ChildProcess | undefined;
  // Signals run handlers in a later turn of the event loop, when the command has been started.
  const stopForwarding = forwardSignals((signal) => child?.kill(signal));
  child = spawn(file!, args, {
    stdio: 'inherit',
    // The chip is of this daemon, whichever others there are, and wherever the command goes.
    env: { ...process.env, GPIOBRIDGE_RUNTIME_DIR: resolve(daemon.runtimeDir) },
  });
  let running = true;
  void daemon.synthetic.ended.then((error) => {
    if (running) process.stderr.write(`gpiobridge chip: the chip is gone: ${error.message}\n`);
  });
  try {
    const [status, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    running = false;
    await beforeEnd();
    stopForwarding();
    return signal === null ? (status ?? 1) : dieOf(signal);
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    process.stderr.write(`gpiobridge chip: ${file}: ${WHY_NOT_RUN[code ?? ''] ?? messageOf(thrown)}\n`);
    return code === 'ENOENT' ? STATUS_NOT_FOUND : STATUS_NOT_RUN;
  } finally {
    running = false;
    stopForwarding();
  }
}

function forwardSignals(send: (signal: NodeJS.Signals) => void): () => void {
  const terminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  const forward = (signal: NodeJS.Signals): void => send(signal);
  const leave = (): void => {};
  for (const signal of FORWARDED) process.on(signal, forward);
  for (const signal of FROM_TERMINAL) process.on(signal, terminal ? leave : forward);
  return () => {
    for (const signal of [...FORWARDED, ...FROM_TERMINAL]) {
      process.off(signal, forward);
      process.off(signal, leave);
    }
  };
}

/** Splits `chip run NAME LINE... -- COMMAND` at the first `--`. */
export function splitCommand(
  args: readonly string[],
  raw: readonly string[],
): { lines: readonly string[]; command: readonly string[] } {
  const at = raw.indexOf('--');
  const command = at < 0 ? [] : raw.slice(at + 1);
  if (command.length === 0) throw new UsageError("the command is missing: write it after '--'");
  return { lines: args.slice(0, args.length - command.length), command };
}
