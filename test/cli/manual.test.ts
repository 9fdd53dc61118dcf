import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import { subcommandDefinitions } from '../../src/cli/definitions.js';
import { built } from '../support/built.js';
import { run } from '../support/program.js';

let page: string;

beforeAll(async () => {
  await built();
  const { status, stdout, stderr } = await run(['man']);
  expect([status, stderr]).toEqual([0, '']);
  page = stdout;
});

function has(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { input: '' }).error === undefined;
}

describe('gpiobridge man', () => {
  it('tells of every subcommand, option and note', async () => {
    const text = page.replaceAll('\\-', '-').replaceAll('\\&', '').replaceAll('\\e', '\\');
    for (const { name, description, options, notes } of await subcommandDefinitions()) {
      const from = text.indexOf(`.SS "${name}"`);
      expect(from, name).toBeGreaterThan(0);
      const part = text.slice(from);
      expect(part).toContain(description);
      for (const { long, description: what } of options) {
        expect(part).toContain(long);
        expect(part).toContain(what);
      }
      expect(part).toContain(notes);
    }
  });

  it.runIf(has('mandoc', '-Tlint'))('has no fault that mandoc finds', () => {
    const { stdout } = spawnSync('mandoc', ['-Tlint'], { input: page, encoding: 'utf8' });
    const faults = stdout.split('\n').filter((line) => /(WARNING|ERROR|UNSUPP|FATAL):/.test(line));
    // The page is made when it is asked for: a date would say nothing.
    expect(faults.filter((line) => !line.includes('missing date'))).toEqual([]);
  });

  it.runIf(has('mandoc'))('can be read', () => {
    const { stdout } = spawnSync('mandoc', ['-Tascii'], { input: page, encoding: 'utf8' });
    const plain = stdout.replaceAll(/.[\b]/g, '');
    expect(plain).toMatch(/^NAME\n +gpiobridge - GPIO lines/m);
    expect(plain).toMatch(/^ +-c, --chip chip\n/m);
  });
});
