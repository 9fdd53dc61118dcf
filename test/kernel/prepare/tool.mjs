// Running the tools of the preparation: quiet unless they fail.
import { spawnSync } from 'node:child_process';
import { openSync } from 'node:fs';
import { CannotPrepare, findProgram } from './needs.mjs';

const MOST_OUTPUT = 64 * 1024 * 1024;

/** Runs a tool and returns what it printed; throws, with its words, when it fails. */
export function tool(name, args, { cwd, env = {}, input } = {}) {
  const { status, error, stdout, stderr } = spawnSync(findProgram(name) ?? name, args, {
    cwd,
    env: { ...process.env, LC_ALL: 'C', ...env },
    input,
    encoding: 'utf8',
    maxBuffer: MOST_OUTPUT,
  });
  if (error) throw new CannotPrepare(`cannot run ${name}: ${error.message}`);
  if (status === 0) return stdout;
  const words = `${stdout}\n${stderr}`.trim().split('\n').slice(-20).join('\n');
  throw new CannotPrepare(`${name} ${args.join(' ')} failed:\n${words}`);
}

/** Runs a tool with a file as its output; `status` tells which exit statuses are success. */
export function toolInto(file, name, args, { cwd, input, accepted = [0] } = {}) {
  const out = openSync(file, 'w');
  const { status, error, stderr } = spawnSync(findProgram(name) ?? name, args, {
    cwd,
    input,
    stdio: ['pipe', out, 'pipe'],
    encoding: 'utf8',
    maxBuffer: MOST_OUTPUT,
  });
  if (error) throw new CannotPrepare(`cannot run ${name}: ${error.message}`);
  if (!accepted.includes(status)) throw new CannotPrepare(`${name} ${args.join(' ')} failed:\n${stderr}`);
}
