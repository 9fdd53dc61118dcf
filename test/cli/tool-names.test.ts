import { spawnSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TOOL_NAMES } from '../../src/cli/tool-name.js';
import { built, MAIN } from '../support/built.js';
import { temporaryDirectory } from '../support/program.js';

/** A link of the user's to the link that npm makes, as the documentation tells to make it. */
const directory = temporaryDirectory();
beforeAll(async () => {
  await built();
  symlinkSync(MAIN, directory.join('gpiobridge'));
  for (const tool of Object.keys(TOOL_NAMES)) symlinkSync(directory.join('gpiobridge'), directory.join(tool));
});
afterAll(() => directory.remove());

const start = (tool: string, ...args: string[]) =>
  spawnSync(directory.join(tool), args, { encoding: 'utf8' });

describe.each(Object.entries(TOOL_NAMES))('%s', (tool, subcommand) => {
  it(`is gpiobridge ${subcommand}, under its own name`, () => {
    expect(start(tool, '--version').stdout).toMatch(
      new RegExp(`^${tool} \\(gpiobridge\\) v\\d+\\.\\d+\\.\\d+\\n$`),
    );
    expect(start(tool, '--help').stdout).toMatch(new RegExp(`^Usage: ${tool} \\[options\\] `));
    const refused = start(tool, '--bogus');
    expect(refused.status).toBe(1);
    expect(refused.stderr).toBe(`${tool}: unknown option '--bogus'\n${tool}: try ${tool} --help\n`);
  });
});
