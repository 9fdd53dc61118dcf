import { execFileSync, spawnSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TOOL_NAMES } from '../../src/cli/tool-name.js';
import { built, MAIN } from '../support/built.js';
import { run, temporaryDirectory } from '../support/program.js';

/** Completion of the six tools in bash, for which no daemon is needed. */
const dir = temporaryDirectory();
beforeAll(async () => {
  await built();
  for (const name of ['gpiobridge', ...Object.keys(TOOL_NAMES)]) symlinkSync(MAIN, dir.join(name));
  writeFileSync(dir.join('script'), (await run(['completion', 'bash'])).stdout);
}, 60_000);
afterAll(() => dir.remove());

function bash(script: string, path = dir.path): string[] {
  const env = { ...process.env, PATH: `${path}:${process.env.PATH}` };
  const args = ['-c', `source "$1"; ${script}`, 'bash', dir.join('script')];
  return execFileSync('bash', args, { encoding: 'utf8', env }).split('\n').filter(Boolean);
}

describe.runIf(spawnSync('bash', ['--version']).status === 0)('bash', () => {
  it.each([
    ['gpiodetect', '--js', ['--json']],
    ['gpioget', '--acti', ['--active-low']],
    ['gpiomon', '--idle', ['--idle-timeout']],
  ])('completes options of %s', (tool, typed, offers) => {
    const words = `COMP_WORDS=(${tool} ${typed}); COMP_CWORD=1`;
    expect(bash(`${words}; _gpiobridge_tool; printf '%s\\n' "\${COMPREPLY[@]}"`)).toEqual(offers);
    expect(bash(`complete -p ${tool}`)).toEqual([`complete -F _gpiobridge_tool ${tool}`]);
  });

  it("leaves libgpiod's own tools alone", () => {
    const other = temporaryDirectory();
    symlinkSync(MAIN, other.join('gpiobridge'));
    writeFileSync(other.join('gpioget'), '#!/bin/sh\n', { mode: 0o755 });
    expect(bash('complete -p gpioget || echo none', other.path)).toEqual(['none']);
    other.remove();
  });
});
