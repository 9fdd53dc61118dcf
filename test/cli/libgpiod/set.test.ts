import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually, type Program } from '../../support/program.js';
import { expectRuns, type Run, ToolsBench } from './tools-bench.js';

/** The cases of libgpiod's tool tests for gpioset, by their names; see cases.md. */
let bench: ToolsBench;
beforeAll(async () => {
  bench = await ToolsBench.start();
});
afterEach(() => bench.reset());
afterAll(() => bench?.stop());

const NO_LINES = 'gpioset: at least one GPIO line value must be specified\n';
const EIGHT = ['0=0', '1=0', '2=1', '3=1', '4=1', '5=1', '6=0', '7=1'];

/** Starts an interactive gpioset and waits for its prompt. */
async function interactive(...args: string[]): Promise<Program> {
  const program = bench.launch('gpioset', '--interactive', ...args);
  await program.waitFor(/^gpioset> /);
  return program;
}
/** Types a line; resolves with what it printed, when the next prompt is there. */
async function type(program: Program, line: string): Promise<string> {
  const before = program.stdout.length;
  program.process.stdin!.write(`${line}\n`);
  const answer = () => program.stdout.slice(before);
  await eventually(() => (answer().endsWith('gpioset> ') ? true : undefined), answer);
  return answer().slice(0, -'gpioset> '.length);
}

describe('gpioset', () => {
  it('gpioset_by_name', async () => {
    await bench.ready('gpioset', 'foo=1');
    expect(await bench.levels('gpiochip0', 8)).toBe('01000000');
  });

  it('gpioset_by_offset', async () => {
    await bench.ready('gpioset', '--chip', 'gpiochip2', '1=1');
    expect(await bench.levels('gpiochip2', 8)).toBe('01000000');
  });

  it('gpioset_by_symlink', async () => {
    await bench.ready('gpioset', '--chip', bench.chipLink('gpiochip2'), '1=1');
    expect(await bench.levels('gpiochip2', 8)).toBe('01000000');
  });

  it('gpioset_by_chip_and_name', async () => {
    await bench.ready('gpioset', '--chip', 'gpiochip1', 'foo=1');
    expect(await bench.level('gpiochip1', 3)).toBe(1);
    expect(await bench.level('gpiochip0', 1)).toBe(0);
  });

  it('gpioset_first_matching_named_line', async () => {
    await bench.ready('gpioset', 'foobar=1');
    expect([await bench.level('gpiochip0', 3), await bench.level('gpiochip1', 2)]).toEqual([1, 0]);
  });

  it('gpioset_multiple_lines', async () => {
    const set = await bench.ready('gpioset', '--chip', 'gpiochip2', ...EIGHT);
    expect(await bench.levels('gpiochip2', 8)).toBe('00111101');
    expect(set.stdout).toBe("Setting lines '0', '1', '2', '3', '4', '5', '6', and '7'...\n");
  });

  it('gpioset_multiple_lines_by_name_and_offset', async () => {
    await bench.ready('gpioset', '--chip', 'gpiochip0', '0=1', 'foo=1', 'bar=1', '3=1');
    expect(await bench.levels('gpiochip0', 8)).toBe('11110000');
  });

  it('gpioset_multiple_lines_across_multiple_chips', async () => {
    await bench.ready('gpioset', 'foo=1', 'bar=1', 'baz=1', 'xyz=1');
    expect(await bench.levels('gpiochip0', 8)).toBe('01100000');
    expect(await bench.levels('gpiochip1', 8)).toBe('10001000');
  });

  it('gpioset_with_active_low', async () => {
    await bench.ready('gpioset', '--active-low', '-c', 'gpiochip2', ...EIGHT);
    expect(await bench.levels('gpiochip2', 8)).toBe('11000010');
  });

  it('gpioset_with_consumer', async () => {
    await bench.ready('gpioset', '--consumer', 'the tests', 'foo=1', 'baz=0');
    const { output } = await bench.run('gpioinfo');
    expect(output).toMatch(/\tline {3}1:\t"foo" {11}\toutput consumer="the tests"\n/);
    expect(output).toMatch(/\tline {3}0:\t"baz" {11}\toutput consumer="the tests"\n/);
  });

  it('gpioset_with_push_pull', async () => {
    await bench.ready('gpioset', '--drive=push-pull', '--chip', 'gpiochip2', ...EIGHT);
    expect(await bench.levels('gpiochip2', 8)).toBe('00111101');
  });

  it('gpioset_with_value_variants', async () => {
    for (const line of [0, 3, 5, 6]) await bench.drive('gpiochip2', line, 1);
    const values = ['0=0', '1=1', '2=active', '3=inactive', '4=on', '5=off', '6=false', '7=true'];
    await bench.ready('gpioset', '--chip', 'gpiochip2', ...values);
    expect(await bench.levels('gpiochip2', 8)).toBe('01101001');
  });

  it('gpioset_with_hold_period', async () => {
    await bench.drive('gpiochip2', 5, 1);
    // Long enough to be seen meanwhile, and to tell from the time that starting takes.
    const begin = performance.now();
    const set = await bench.ready('gpioset', '--hold-period=2s', '-t0', '-c', '2', '0=1', '5=0', '7=1');
    expect(await bench.levels('gpiochip2', 8)).toBe('10000001');
    expect(await set.exit()).toBe(0);
    expect(performance.now() - begin).toBeGreaterThanOrEqual(2_000);
    expect(await bench.level('gpiochip2', 5)).toBe(1);
  });

  it('gpioset_interactive_exit', async () => {
    const set = await interactive('--chip', 'gpiochip2', '1=0', '2=1', '5=1', '6=0', '7=1');
    expect(await bench.levels('gpiochip2', 8)).toBe('00100101');
    set.process.stdin!.write('exit\n');
    expect(await set.exit()).toBe(0);
    expect(set.stdout).toBe('gpioset> ');
    expect(await bench.levels('gpiochip2', 8)).toBe('00000000');
  });

  it('gpioset_interactive_help', async () => {
    const set = await interactive('foo=1', 'bar=0', 'baz=0');
    const help = await type(set, 'help');
    for (const line of [
      'COMMANDS:',
      'get [line]...',
      'set <line=value>...',
      'toggle [line]...',
      'sleep <period>',
    ])
      expect(help).toContain(line);
  });

  it('gpioset_interactive_get', async () => {
    const set = await interactive('foo=1', 'bar=0', 'baz=0');
    expect(await type(set, 'get')).toBe('"foo"=active "bar"=inactive "baz"=inactive\n');
    expect(await type(set, 'get bar')).toBe('"bar"=inactive\n');
  });

  it('gpioset_interactive_get_unquoted', async () => {
    const set = await interactive('--unquoted', 'foo=1', 'bar=0', 'baz=0');
    expect(await type(set, 'get')).toBe('foo=active bar=inactive baz=inactive\n');
    expect(await type(set, 'get bar')).toBe('bar=inactive\n');
  });

  it('gpioset_interactive_set', async () => {
    const set = await interactive('foo=1', 'bar=0', 'baz=0');
    expect(await type(set, 'set bar=active')).toBe('');
    expect(await bench.levels('gpiochip0', 8)).toBe('01100000');
    expect(await type(set, 'get')).toBe('"foo"=active "bar"=active "baz"=inactive\n');
  });

  it('gpioset_interactive_toggle', async () => {
    await bench.drive('gpiochip0', 2, 1);
    const set = await interactive('foo=1', 'bar=0', 'baz=0');
    expect(await bench.levels('gpiochip0', 8)).toBe('01000000');
    await type(set, 'toggle');
    expect(await bench.levels('gpiochip0', 8)).toBe('00100000');
    expect(await bench.level('gpiochip1', 0)).toBe(1);
    expect(await type(set, 'get')).toBe('"foo"=inactive "bar"=active "baz"=active\n');
    await type(set, 'toggle baz');
    expect(await bench.level('gpiochip1', 0)).toBe(0);
    expect(await type(set, 'get')).toBe('"foo"=inactive "bar"=active "baz"=inactive\n');
  });

  it('gpioset_interactive_sleep', async () => {
    const set = await interactive('foo=1');
    const begin = performance.now();
    expect(await type(set, 'sleep 500ms')).toBe('');
    expect(performance.now() - begin).toBeGreaterThan(495);
  });

  it('gpioset_toggle_continuous', async () => {
    await bench.ready('gpioset', '--toggle', '100ms', 'foo=1', 'bar=0', 'baz=0');
    for (const level of [0, 1, 0] as const) {
      await bench.levelBecomes('gpiochip0', 1, level);
      await bench.levelBecomes('gpiochip0', 2, level === 0 ? 1 : 0);
    }
  });

  it('gpioset_toggle_terminated', async () => {
    const begin = performance.now();
    const set = await bench.ready('gpioset', '--toggle', '2s,0', '-p', '300ms', 'foo=1', 'bar=0', 'baz=1');
    expect(await bench.levels('gpiochip0', 8)).toBe('01000000');
    await bench.levelBecomes('gpiochip0', 1, 0);
    await bench.levelBecomes('gpiochip0', 2, 1);
    expect(await set.exit()).toBe(0);
    expect(performance.now() - begin).toBeGreaterThanOrEqual(2_300);
    const once = await bench.ready('gpioset', '-t0', '-p', '2s', 'foo=1', 'bar=0', 'baz=1');
    expect(await bench.levels('gpiochip0', 8)).toBe('01000000');
    expect(await once.exit()).toBe(0);
  });

  it('gpioset_with_invalid_toggle_period', () =>
    expectRuns(bench, [[['gpioset', '--toggle', '1ns', 'foo=1'], 'gpioset: invalid period: 1ns\n', 1]]));

  it('gpioset_with_strict_named_line_check', () =>
    expectRuns(bench, [
      [['gpioset', '--strict', 'foobar=active'], "gpioset: line 'foobar' is not unique\n", 1],
    ]));

  it('gpioset_with_lines_by_offset', async () => {
    await bench.drive('gpiochip3', 6, 1);
    await bench.ready('gpioset', '--chip', 'gpiochip3', '6=1', '1=0');
    expect(await bench.levels('gpiochip3', 8)).toBe('00000010');
  });

  it('gpioset_with_lines_strictly_by_name', async () => {
    await bench.drive('gpiochip3', 6, 1);
    await bench.ready('gpioset', '--by-name', '--chip', 'gpiochip3', '6=1', '1=0');
    expect(await bench.levels('gpiochip3', 8)).toBe('01000000');
  });

  it('gpioset_interactive_after_SIGINT', async () => {
    expect(await (await interactive('foo=1')).stop('SIGINT')).toBe('SIGINT');
  });

  it('gpioset_interactive_after_SIGTERM', async () => {
    expect(await (await interactive('foo=1')).stop('SIGTERM')).toBe('SIGTERM');
  });

  it('gpioset_with_no_arguments', () => expectRuns(bench, [[['gpioset'], NO_LINES, 1]]));

  it('gpioset_with_chip_but_no_line_specified', () =>
    expectRuns(bench, [[['gpioset', '--chip', 'gpiochip0'], NO_LINES, 1]]));

  it('gpioset_with_offset_out_of_range', () =>
    expectRuns(bench, [
      [
        ['gpioset', '--chip', 'gpiochip0', '0=1', '8=1', '9=1'],
        "gpioset: offset 8 is out of range on chip 'gpiochip0'\ngpioset: offset 9 is out of range on chip 'gpiochip0'\n",
        1,
      ],
    ]));

  it('gpioset_with_invalid_hold_period', () =>
    expectRuns(bench, [
      [['gpioset', '--hold-period=bad', '-c', '0', '0=1'], 'gpioset: invalid period: bad\n', 1],
    ]));

  it('gpioset_with_invalid_value', () =>
    expectRuns(bench, [
      [['gpioset', '--chip', 'gpiochip0', '0=c'], "gpioset: invalid line value: 'c'\n", 1],
      [['gpioset', '--chip', 'gpiochip0', '0=3'], "gpioset: invalid line value: '3'\n", 1],
    ]));

  it('gpioset_with_invalid_offset', () =>
    expectRuns(bench, [
      [['gpioset', '--chip', 'gpiochip0', '4000000000=0'], "gpioset: cannot find line '4000000000'\n", 1],
    ]));

  it('gpioset_with_invalid_bias', () =>
    expectRuns(bench, [[['gpioset', '--bias=bad', '-c', '0', '0=1'], 'gpioset: invalid bias: bad\n', 1]]));

  it('gpioset_with_invalid_drive', () =>
    expectRuns(bench, [[['gpioset', '--drive=bad', '-c', '0', '0=1'], 'gpioset: invalid drive: bad\n', 1]]));

  it('gpioset_with_interactive_and_toggle', () =>
    expectRuns(bench, [
      [
        ['gpioset', '--interactive', '--toggle', '1s', '--chip', 'gpiochip0', '0=1'],
        "gpioset: can't combine interactive with toggle\n",
        1,
      ],
    ]));

  it('gpioset_with_nonexistent_line', () =>
    expectRuns(bench, [[['gpioset', 'nope=0'], "gpioset: cannot find line 'nope'\n", 1]]));

  it('gpioset_with_same_line_twice', () =>
    expectRuns(
      bench,
      [
        ['0', '0'],
        ['foo', 'foo'],
        ['foo', '1'],
        ['1', 'foo'],
      ].map(([a, b]): Run => {
        const message = `gpioset: lines '${a}' and '${b}' are the same line\n`;
        return [['gpioset', '--chip', 'gpiochip0', `${a}=1`, `${b}=1`], message, 1];
      }),
    ));
});
