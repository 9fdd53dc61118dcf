import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { expectRuns, type Run, ToolsBench } from './tools-bench.js';

/** The cases of libgpiod's tool tests for gpiodetect and gpioinfo, by their names; see cases.md. */
let bench: ToolsBench;
beforeAll(async () => {
  bench = await ToolsBench.start();
});
afterEach(() => bench.reset());
afterAll(() => bench?.stop());

const label = '\\[gpiobridge-sim [\\d.]+\\]';
const detected = (chip: number, lines: number) => `gpiochip${chip} ${label} \\(${lines} lines\\)\\n`;
const row = (text: string) => new RegExp(`^${text}\\n$`);

describe('gpiodetect', () => {
  it('gpiodetect_all_chips', () =>
    expectRuns(bench, [
      [
        ['gpiodetect'],
        new RegExp(`^${detected(0, 8)}${detected(1, 8)}${detected(2, 16)}${detected(3, 8)}$`),
        0,
      ],
    ]));

  it('gpiodetect_a_chip', () =>
    expectRuns(bench, [
      [['gpiodetect', 'gpiochip0'], new RegExp(`^${detected(0, 8)}$`), 0],
      [['gpiodetect', bench.chipPath('gpiochip1')], new RegExp(`^${detected(1, 8)}$`), 0],
      [['gpiodetect', '2'], new RegExp(`^${detected(2, 16)}$`), 0],
      [['gpiodetect', bench.chipLink('gpiochip2')], new RegExp(`^${detected(2, 16)}$`), 0],
    ]));

  it('gpiodetect_multiple_chips', () =>
    expectRuns(bench, [
      [
        ['gpiodetect', 'gpiochip2', 'gpiochip0', '1'],
        new RegExp(`^${detected(2, 16)}${detected(0, 8)}${detected(1, 8)}$`),
        0,
      ],
    ]));

  it('gpiodetect_with_nonexistent_chip', () =>
    expectRuns(bench, [
      [['gpiodetect', 'nope'], "gpiodetect: cannot find GPIO chip character device 'nope'\n", 1],
    ]));
});

describe('gpioinfo', () => {
  it('gpioinfo_all_chips', async () => {
    const { status, output } = await bench.run('gpioinfo');
    expect(status).toBe(0);
    expect(output.match(/^gpiochip\d - \d+ lines:$/gm)).toEqual([
      'gpiochip0 - 8 lines:',
      'gpiochip1 - 8 lines:',
      'gpiochip2 - 16 lines:',
      'gpiochip3 - 8 lines:',
    ]);
    expect(output.match(/^\tline +\d+:\tunnamed {9}\tinput$/gm)).toHaveLength(5 + 4 + 16 + 4);
  });

  it('gpioinfo_all_chips_with_some_used_lines', async () => {
    await bench.ready('gpioset', '--active-low', 'foo=1', 'baz=0');
    const { status, output } = await bench.run('gpioinfo');
    expect(status).toBe(0);
    expect(output).toMatch(/\n\tline {3}1:\t"foo" {11}\toutput active-low consumer="gpioset"\n/);
    expect(output).toMatch(/gpiochip1 .*\n\tline {3}0:\t"baz" {11}\toutput active-low consumer="gpioset"\n/);
  });

  it('gpioinfo_a_chip', async () => {
    const whole = /^gpiochip2 - 16 lines:\n(\tline +\d+:\tunnamed +\tinput\n){16}$/;
    const names = ['gpiochip2', '2', bench.chipPath('gpiochip2'), bench.chipLink('gpiochip2')];
    await expectRuns(
      bench,
      names.map((name): Run => [['gpioinfo', '--chip', name], whole, 0]),
    );
  });

  it('gpioinfo_a_line', () =>
    expectRuns(bench, [
      [['gpioinfo', '--chip', 'gpiochip1', '3'], row('gpiochip1 3\\t"foo" {11}\\tinput'), 0],
      [['gpioinfo', 'xyz'], row('gpiochip1 4\\t"xyz" {11}\\tinput'), 0],
      [['gpioinfo', '--chip', 'gpiochip1', 'foo'], row('gpiochip1 3\\t"foo" {11}\\tinput'), 0],
      [['gpioinfo', '--unquoted', '--chip', '1', '3'], row('gpiochip1 3\\tfoo {13}\\tinput'), 0],
    ]));

  it('gpioinfo_first_matching_named_line', () =>
    expectRuns(bench, [[['gpioinfo', 'foobar'], row('gpiochip0 3\\t"foobar" {8}\\tinput'), 0]]));

  it('gpioinfo_multiple_lines', () =>
    expectRuns(bench, [
      [
        ['gpioinfo', '--chip', 'gpiochip1', '1', '0'],
        row('gpiochip1 0\\t"baz" .*\\tinput\\ngpiochip1 1\\tunnamed .*\\tinput'),
        0,
      ],
      [['gpioinfo', 'baz', 'bar'], row('gpiochip0 2\\t"bar" .*\\tinput\\ngpiochip1 0\\t"baz" .*\\tinput'), 0],
      [
        ['gpioinfo', '--chip', 'gpiochip0', 'bar', '4'],
        row('gpiochip0 2\\t"bar" .*\\tinput\\ngpiochip0 4\\tunnamed .*\\tinput'),
        0,
      ],
    ]));

  // Without what that case has of bias and drive.
  it('gpioinfo_line_attribute_menagerie', async () => {
    const shows = (attributes: string) =>
      expectRuns(bench, [
        [
          ['gpioinfo', 'foo', 'baz'],
          `gpiochip0 1\t"foo"           \t${attributes}\ngpiochip1 0\t"baz"           \t${attributes}\n`,
          0,
        ],
      ]);
    await bench.ready('gpioset', '--active-low', 'foo=1', 'baz=0');
    await shows('output active-low consumer="gpioset"');
    await bench.endTools();
    await bench.ready('gpiomon', '--utc', '-p', '10ms', 'foo', 'baz');
    await shows('input edges=both event-clock=realtime debounce-period=10ms consumer="gpiomon"');
    await bench.endTools();
    await bench.ready('gpiomon', '--edges=rising', '--localtime', 'foo', 'baz');
    await shows('input edges=rising event-clock=realtime consumer="gpiomon"');
    await bench.endTools();
    await bench.ready('gpiomon', '--edges=falling', 'foo', 'baz');
    await shows('input edges=falling consumer="gpiomon"');
  });

  it('gpioinfo_with_same_line_twice', () => {
    const twice = (a: string, b: string) =>
      row(`gpiochip0 1\\t"foo" .*\\tinput\\ngpioinfo: lines '${a}' and '${b}' are the same line`);
    return expectRuns(bench, [
      [['gpioinfo', '--chip', 'gpiochip0', '1', '1'], twice('1', '1'), 1],
      [['gpioinfo', 'foo', 'foo'], twice('foo', 'foo'), 1],
      [['gpioinfo', '--chip', 'gpiochip0', 'foo', '1'], twice('foo', '1'), 1],
    ]);
  });

  it('gpioinfo_all_lines_matching_name', () =>
    expectRuns(bench, [
      [
        ['gpioinfo', '--strict', 'foobar'],
        row('gpiochip0 3\\t"foobar" .*\\tinput\\ngpiochip1 2\\t"foobar" .*\\tinput'),
        1,
      ],
    ]));

  it('gpioinfo_with_lines_strictly_by_name', () =>
    expectRuns(bench, [
      [
        ['gpioinfo', '--chip', 'gpiochip3', '1', '6'],
        row('gpiochip3 1\\t"6" .*\\tinput\\ngpiochip3 6\\t"1" .*\\tinput'),
        0,
      ],
      [['gpioinfo', '--by-name', '--chip', 'gpiochip3', '1'], row('gpiochip3 6\\t"1" .*\\tinput'), 0],
    ]));

  it('gpioinfo_with_nonexistent_chip', () =>
    expectRuns(bench, [
      [['gpioinfo', '--chip', 'nope'], "gpioinfo: cannot find GPIO chip character device 'nope'\n", 1],
    ]));

  it('gpioinfo_with_nonexistent_line', () =>
    expectRuns(bench, [
      [['gpioinfo', 'nope'], "gpioinfo: cannot find line 'nope'\n", 1],
      [['gpioinfo', '--chip', 'gpiochip0', 'nope'], "gpioinfo: cannot find line 'nope'\n", 1],
    ]));

  it('gpioinfo_with_offset_out_of_range', () =>
    expectRuns(bench, [
      [
        ['gpioinfo', '--chip', 'gpiochip0', '0', '7', '8', '9'],
        row(
          "gpiochip0 0\\tunnamed .*\\tinput\\ngpiochip0 7\\tunnamed .*\\tinput\\ngpioinfo: offset 8 is out of range on chip 'gpiochip0'\\ngpioinfo: offset 9 is out of range on chip 'gpiochip0'",
        ),
        1,
      ],
    ]));

  it('gpioinfo_quoted_output_consistency', async () => {
    await bench.ready('gpioset', '--chip=gpiochip0', '0=active', '1=active');
    const { output } = await bench.run('gpioinfo', '--chip=gpiochip0');
    expect(output).toMatch(/\tline {3}0:\tunnamed {9}\toutput consumer="gpioset"\n/);
    expect(output).toMatch(/\tline {3}1:\t"foo" {11}\toutput consumer="gpioset"\n/);
  });
});
