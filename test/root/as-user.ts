import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import type { Account } from './accounts.js';

/** What a program printed, and how it ended. */
export interface Outcome {
  readonly status: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts a program of Node.js as this user, in all of the user's groups and with nobody's privileges. */
export function startAs(user: Account, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const ids = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--init-groups'];
  return spawn('setpriv', [...ids, '--no-new-privs', process.execPath, ...args], {
    cwd: '/',
    env: { PATH: process.env.PATH, HOME: '/nonexistent', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Runs it to its end. */
export async function runAs(
  user: Account,
  args: readonly string[],
  env?: NodeJS.ProcessEnv,
): Promise<Outcome> {
  const child = startAs(user, args, env);
  let stdout = '';
  let stderr = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const status = await new Promise<number | string>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  });
  return { status, stdout, stderr };
}

/** Runs a command line as this user; whether it succeeded. */
export function canRun(user: Account, ...command: string[]): boolean {
  const ids = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--init-groups'];
  try {
    execFileSync('setpriv', [...ids, ...command], { cwd: '/', stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
