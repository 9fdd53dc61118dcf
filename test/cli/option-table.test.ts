import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { nodeTimers } from '../../src/base/clock.js';
import { SUBCOMMANDS } from '../../src/cli/commands/table.js';
import { CoprocessorChip } from '../../src/gpio/coprocessor-chip.js';
import { type ApiBench, apiBench, hostClock } from '../support/api-bench.js';
import { built, ROOT } from '../support/built.js';
import { MemoryRemote } from '../support/memory-remote.js';
import { Program } from '../support/program.js';
import { OPTION_CASES, type OptionCase } from './option-cases.js';

/** docs/cli.md, "Options, ours and libgpiod's": the table holds every option, and every row holds. */
interface Row {
  readonly tool: string;
  readonly short: string | undefined;
  readonly long: string;
  readonly what: string;
}

const section =
  readFileSync(join(ROOT, 'docs/cli.md'), 'utf8').split("## Options, ours and libgpiod's")[1] ?? '';
const rows = [...section.matchAll(/^\| (\w+) \| (?:`(-\w)`, )?`(--[\w-]+)` \| (.+) \|$/gm)].map(
  ([, tool, short, long, what]): Row => ({ tool: tool!, short, long: long!, what: what! }),
);
const TOOLS = ['detect', 'info', 'get', 'set', 'mon', 'notify'];

let bench: ApiBench;
const running: Program[] = [];

beforeAll(async () => {
  await built();
  bench = await apiBench(8);
  const remote = new MemoryRemote('rack', ['FAN', 'L1', '3']);
  const chip = new CoprocessorChip({
    name: 'rack',
    remote,
    clock: hostClock,
    timers: nodeTimers,
    startingMs: 1_000,
  });
  await bench.server.addChip(chip, { mode: 0o660 });
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((program) => program.stop('SIGKILL')));
});
afterAll(async () => {
  await bench.close();
});

describe('the table of options', () => {
  it.each(TOOLS)('has every option of %s, and no other', async (tool) => {
    const entry = SUBCOMMANDS.find(({ name }) => name === tool);
    const definition = (await entry!.load()).command();
    const declared = definition.options.map(({ short, long }) => `${short ?? ''} ${long}`);
    const listed = rows.filter((row) => row.tool === tool).map(({ short, long }) => `${short ?? ''} ${long}`);
    // run.ts gives these to every subcommand.
    expect(listed.sort()).toEqual([...declared, '-h --help', '-v --version'].sort());
  });

  it('has a case for each row, and no other', () => {
    expect(Object.keys(OPTION_CASES).sort()).toEqual(rows.map(({ tool, long }) => `${tool} ${long}`).sort());
  });
});

describe.each(rows)('$tool $long ($what)', ({ tool, short, long, what }) => {
  const cases = OPTION_CASES[`${tool} ${long}`] ?? [];

  it.each([long, ...(short === undefined ? [] : [short])])('%s', async (spelling) => {
    for (const one of cases) await holds(tool, spelling, one);
  });

  if (what.includes('refused')) {
    it('is refused by name', () =>
      expect(cases.some(({ stderr }) => /is not possible/.test(String(stderr)))).toBe(true));
  }
});

/** Runs the tool with the option, and with what the case does meanwhile. */
async function holds(tool: string, option: string, one: OptionCase): Promise<void> {
  const args = one.args.map((arg) => (arg === 'OPTION' ? option : arg));
  one.before?.({ bench });
  const program = new Program(
    [tool, ...args],
    { GPIOBRIDGE_RUNTIME_DIR: bench.layout.dir, TZ: 'Asia/Tokyo' },
    { stdin: 'pipe' },
  );
  running.push(program);
  if (one.meanwhile !== undefined) await one.meanwhile(program, { bench });
  const status = one.signal === undefined ? await program.exit() : await program.stop(one.signal);
  const shown = `${tool} ${args.join(' ')}\n${program.stdout}${program.stderr}`;
  expect(status, shown).toBe(one.signal ?? one.status ?? 0);
  expect(program.stdout, shown).toMatch(one.stdout ?? /^$/);
  expect(program.stderr, shown).toMatch(one.stderr ?? /^$/);
  one.afterwards?.({ bench });
}
