import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Program } from '../../support/program.js';
import { type ChipName, expectRuns, type Run, ToolsBench } from './tools-bench.js';

/** The cases of libgpiod's tool tests for gpiomon, by their names; see cases.md. */
let bench: ToolsBench;
beforeAll(async () => {
  bench = await ToolsBench.start();
});
afterEach(() => bench.reset());
afterAll(() => bench?.stop());

const NO_LINES = 'gpiomon: at least one GPIO line must be specified\n';
const DATE = '20\\d\\d-[01]\\d-[0-3]\\dT[0-2]\\d:[0-5]\\d:[0-5]\\d\\.\\d{9}';

/** What a monitor prints after its banner, once it has seen the end of these levels and nothing more comes. */
async function sees(
  mon: Program,
  chip: ChipName,
  line: number,
  levels: (0 | 1)[],
  last: RegExp,
): Promise<string> {
  await bench.drive(chip, line, ...levels);
  await mon.waitFor(last);
  await mon.stop();
  return mon.stdout.replace(/^Monitoring .*\n/, '');
}
const edge = (kind: string, line: string) => new RegExp(`^\\d+\\.\\d{9}\\t${kind}\\t${line}\\n$`);

describe('gpiomon', () => {
  it.each([
    ['gpiomon_by_name', [], 'foo', '"foo"'],
    ['gpiomon_by_offset', ['--chip', 'gpiochip0'], '1', 'gpiochip0 1 "foo"'],
    ['gpiomon_by_symlink', ['--chip', 'LINK'], '1', 'gpiochip0 1 "foo"'],
    ['gpiomon_rising_edge', ['-c', '0'], '1', 'gpiochip0 1 "foo"'],
    ['gpiomon_with_unquoted', ['--unquoted'], 'foo', 'foo'],
  ])('%s', async (_case, options, line, shown) => {
    await bench.drive('gpiochip0', 1, 1);
    const args = options.map((option) => (option === 'LINK' ? bench.chipLink('gpiochip0') : option));
    const mon = await bench.ready('gpiomon', '--edges=rising', ...args, line);
    expect(await sees(mon, 'gpiochip0', 1, [0, 1, 0], /rising/)).toMatch(edge('rising', shown));
  });

  it('gpiomon_by_chip_and_name', async () => {
    const mon = await bench.ready('gpiomon', '--edges=rising', '--chip', 'gpiochip1', 'foo');
    await bench.drive('gpiochip0', 1, 1);
    expect(await sees(mon, 'gpiochip1', 3, [1, 0], /rising/)).toMatch(edge('rising', 'gpiochip1 3 "foo"'));
  });

  it('gpiomon_first_matching_named_line', async () => {
    const mon = await bench.ready('gpiomon', 'foobar');
    expect(await sees(mon, 'gpiochip0', 3, [1], /rising/)).toMatch(edge('rising', '"foobar"'));
  });

  it('gpiomon_falling_edge', async () => {
    const mon = await bench.ready('gpiomon', '--edges=falling', '--chip', 'gpiochip0', '4');
    expect(await sees(mon, 'gpiochip0', 4, [1, 0, 1], /falling/)).toMatch(edge('falling', 'gpiochip0 4'));
  });

  it('gpiomon_both_edges', async () => {
    const mon = await bench.ready('gpiomon', '--edges=both', '--chip', 'gpiochip0', '4');
    const output = await sees(mon, 'gpiochip0', 4, [1, 0], /falling/);
    expect(output).toMatch(/^\S+\trising\tgpiochip0 4\n\S+\tfalling\tgpiochip0 4\n$/);
  });

  it('gpiomon_with_active_low', async () => {
    await bench.drive('gpiochip0', 4, 1);
    const mon = await bench.ready('gpiomon', '--active-low', '--chip', 'gpiochip0', '4');
    const output = await sees(mon, 'gpiochip0', 4, [0, 1], /falling/);
    expect(output).toMatch(/^\S+\trising\tgpiochip0 4\n\S+\tfalling\tgpiochip0 4\n$/);
  });

  it('gpiomon_with_consumer', async () => {
    await bench.ready('gpiomon', '--consumer', 'the tests', 'foo', 'baz');
    const { output } = await bench.run('gpioinfo');
    expect(output).toMatch(/\tline {3}1:\t"foo" {11}\tinput edges=both consumer="the tests"\n/);
    expect(output).toMatch(/\tline {3}0:\t"baz" {11}\tinput edges=both consumer="the tests"\n/);
  });

  it('gpiomon_with_quiet_mode', async () => {
    for (const option of ['--quiet', '-q', '--silent']) {
      const mon = await bench.ready(
        'gpiomon',
        option,
        '-n',
        '1',
        '--edges=rising',
        '--chip',
        'gpiochip0',
        '4',
      );
      await bench.drive('gpiochip0', 4, 1, 0);
      expect(await mon.exit()).toBe(0);
      expect(mon.stdout).toBe("Monitoring line '4'...\n");
    }
  });

  it('gpiomon_with_num_events', async () => {
    const mon = await bench.ready('gpiomon', '--num-events=4', '--chip', 'gpiochip0', '4');
    await bench.drive('gpiochip0', 4, 1, 0, 1, 0, 1);
    expect(await mon.exit()).toBe(0);
    expect(mon.stdout.match(/rising|falling/g)).toEqual(['rising', 'falling', 'rising', 'falling']);
  });

  it('gpiomon_with_debounce_period', async () => {
    const mon = await bench.ready('gpiomon', '--debounce-period', '123us', 'foo', 'baz');
    const { output } = await bench.run('gpioinfo');
    expect(output).toMatch(
      /\tline {3}1:\t"foo" {11}\tinput edges=both debounce-period=123us consumer="gpiomon"\n/,
    );
    expect(output).toMatch(
      /\tline {3}0:\t"baz" {11}\tinput edges=both debounce-period=123us consumer="gpiomon"\n/,
    );
    expect(await sees(mon, 'gpiochip0', 1, [1], /rising/)).toMatch(edge('rising', '"foo"'));
  });

  it('reports one edge for contacts that bounce within the debounce period', async () => {
    const mon = await bench.ready('gpiomon', '-p', '2s', 'foo');
    expect(await sees(mon, 'gpiochip0', 1, [1, 0, 1, 0, 1], /rising/)).toMatch(edge('rising', '"foo"'));
  });

  it('gpiomon_with_idle_timeout', async () => {
    const begin = performance.now();
    await expectRuns(bench, [[['gpiomon', '--idle-timeout', '10ms', '--chip', 'gpiochip0', '4'], '', 0]]);
    expect(performance.now() - begin).toBeLessThan(5_000);
  });

  it.each([
    [
      'gpiomon_multiple_lines',
      ['--format=%o', '--chip', 'gpiochip2', '1', '3', '2', '5', '4'],
      '2',
      '3',
      '4',
    ],
    [
      'gpiomon_multiple_lines_by_name_and_offset',
      ['--format=%o', '-c', '0', 'foo', 'bar', '4'],
      '2',
      '4',
      '1',
    ],
    [
      'gpiomon_multiple_lines_across_multiple_chips',
      ['--format=%l', 'foo', 'bar', 'baz'],
      'bar',
      'baz',
      'foo',
    ],
  ])('%s', async (_case, args, ...expected) => {
    const mon = await bench.ready('gpiomon', ...args);
    for (const shown of expected) {
      const offset = Number(shown);
      if (args.includes('gpiochip2')) await bench.drive('gpiochip2', offset, 1);
      else if (shown === 'baz') await bench.drive('gpiochip1', 0, 1);
      else await bench.drive('gpiochip0', { foo: 1, bar: 2 }[shown] ?? offset, 1);
      await mon.waitFor(new RegExp(`^${shown}\\n`, 'm'));
    }
    await mon.stop();
    expect(mon.stdout.split('\n').slice(1)).toEqual([...expected, '']);
  });

  it('gpiomon_exit_after_SIGINT', async () => {
    expect(await (await bench.ready('gpiomon', '--chip', 'gpiochip0', '4')).stop('SIGINT')).toBe('SIGINT');
  });

  it('gpiomon_exit_after_SIGTERM', async () => {
    expect(await (await bench.ready('gpiomon', '--chip', 'gpiochip0', '4')).stop('SIGTERM')).toBe('SIGTERM');
  });

  it('gpiomon_with_nonexistent_line', () =>
    expectRuns(bench, [[['gpiomon', 'nope'], "gpiomon: cannot find line 'nope'\n", 1]]));

  it('gpiomon_with_same_line_twice', () =>
    expectRuns(
      bench,
      [
        ['0', '0'],
        ['foo', 'foo'],
        ['1', 'foo'],
      ].map(([a, b]): Run => {
        const message = `gpiomon: lines '${a}' and '${b}' are the same line\n`;
        return [['gpiomon', '--chip', 'gpiochip0', a as string, b as string], message, 1];
      }),
    ));

  it('gpiomon_with_strict_named_line_check', () =>
    expectRuns(bench, [[['gpiomon', '--strict', 'foobar'], "gpiomon: line 'foobar' is not unique\n", 1]]));

  it.each([
    ['gpiomon_with_lines_by_offset', ['--chip', 'gpiochip3', '6', '1'], 1, 6],
    ['gpiomon_with_lines_strictly_by_name', ['--by-name', '--chip', 'gpiochip3', '42', '13'], 2, 7],
  ])('%s', async (_case, args, first, second) => {
    await bench.drive('gpiochip3', first, 1);
    const mon = await bench.ready('gpiomon', '-F', '%E %o', '-n', '4', ...args);
    await bench.drive('gpiochip3', first, 0, 1);
    await mon.waitFor(/rising/);
    await bench.drive('gpiochip3', second, 1, 0);
    expect(await mon.exit()).toBe(0);
    expect(mon.stdout.split('\n').slice(1, -1)).toEqual([
      `falling ${first}`,
      `rising ${first}`,
      `rising ${second}`,
      `falling ${second}`,
    ]);
  });

  it('gpiomon_with_no_arguments', () => expectRuns(bench, [[['gpiomon'], NO_LINES, 1]]));

  it('gpiomon_with_no_line_specified', () =>
    expectRuns(bench, [[['gpiomon', '--chip', 'gpiochip0'], NO_LINES, 1]]));

  it.each([
    [
      'gpiomon_with_offset_out_of_range',
      ['-c', 'gpiochip0', '8'],
      "offset 8 is out of range on chip 'gpiochip0'",
    ],
    ['gpiomon_with_invalid_bias', ['--bias=bad', '-c', '0', '0', '1'], 'invalid bias: bad'],
    [
      'gpiomon_with_invalid_debounce_period',
      ['--debounce-period', 'bad', '-c', '0', '0'],
      'invalid period: bad',
    ],
    ['gpiomon_with_invalid_idle_timeout', ['--idle-timeout', 'bad', '-c', '0', '0'], 'invalid period: bad'],
  ])('%s', (_case, args, message) => expectRuns(bench, [[['gpiomon', ...args], `gpiomon: ${message}\n`, 1]]));

  it.each([
    ['gpiomon_with_custom_format_event_type_offset', '%e %o', '1 1'],
    ['gpiomon_with_custom_format_event_type_offset_joined', '%e%o', '11'],
    ['gpiomon_with_custom_format_edge_chip_and_line', '%e %o %E %c %l', '1 1 rising gpiochip0 foo'],
    ['gpiomon_with_custom_format_seconds_timestamp', '%e %o %S', '1 1 \\d+\\.\\d{9}'],
    ['gpiomon_with_custom_format_UTC_timestamp', '%U %e %o ', `${DATE}Z 1 1 `],
    ['gpiomon_with_custom_format_localtime_timestamp', '%L %e %o', `${DATE} 1 1`],
    ['gpiomon_with_custom_format_double_percent_sign', 'start%%end', 'start%end'],
    ['gpiomon_with_custom_format_double_percent_sign_event_type_specifier', '%%e', '%e'],
    ['gpiomon_with_custom_format_single_percent_sign', '%', '%'],
    ['gpiomon_with_custom_format_single_percent_sign_between_other_characters', 'foo % bar', 'foo % bar'],
    ['gpiomon_with_custom_format_unknown_specifier', '%x', '%x'],
  ])('%s', async (_case, format, expected) => {
    const clock = /%[UL]/.test(format) ? ['--event-clock=realtime'] : [];
    const mon = await bench.ready(
      'gpiomon',
      `--format=${format}`,
      ...clock,
      '-n',
      '1',
      '-c',
      'gpiochip0',
      '1',
    );
    await bench.drive('gpiochip0', 1, 1);
    expect(await mon.exit()).toBe(0);
    expect(mon.stdout).toMatch(new RegExp(`^Monitoring line '1'\\.\\.\\.\\n${expected}\\n$`));
  });
});
