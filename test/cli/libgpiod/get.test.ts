import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { expectRuns, type Run, ToolsBench } from './tools-bench.js';

/** The cases of libgpiod's tool tests for gpioget, by their names; see cases.md. */
let bench: ToolsBench;
beforeAll(async () => {
  bench = await ToolsBench.start();
});
afterEach(() => bench.reset());
afterAll(() => bench?.stop());

/** Levels 0 0 1 1 0 1 0 1 on the lines of gpiochip2. */
async function pattern(): Promise<void> {
  for (const line of [2, 3, 5, 7]) await bench.drive('gpiochip2', line, 1);
}
const ALL = ['0', '1', '2', '3', '4', '5', '6', '7'];
const NO_LINES = 'gpioget: at least one GPIO line must be specified\n';

describe('gpioget', () => {
  it('gpioget_by_name', async () => {
    await bench.drive('gpiochip0', 1, 1);
    await expectRuns(bench, [
      [['gpioget', 'foo'], '"foo"=active\n', 0],
      [['gpioget', '--unquoted', 'foo'], 'foo=active\n', 0],
    ]);
  });

  it('gpioget_by_offset', async () => {
    await bench.drive('gpiochip0', 4, 1);
    await expectRuns(bench, [
      [['gpioget', '--chip', 'gpiochip0', '4'], '"4"=active\n', 0],
      [['gpioget', '--unquoted', '--chip', 'gpiochip0', '4'], '4=active\n', 0],
    ]);
  });

  it('gpioget_by_symlink', async () => {
    await bench.drive('gpiochip0', 4, 1);
    await expectRuns(bench, [[['gpioget', '--chip', bench.chipLink('gpiochip0'), '4'], '"4"=active\n', 0]]);
  });

  it('gpioget_by_chip_and_name', async () => {
    await bench.drive('gpiochip1', 3, 1);
    await expectRuns(bench, [
      [['gpioget', 'foo'], '"foo"=inactive\n', 0],
      [['gpioget', '--chip', 'gpiochip1', 'foo'], '"foo"=active\n', 0],
      [['gpioget', '--unquoted', '--chip', 'gpiochip1', 'foo'], 'foo=active\n', 0],
    ]);
  });

  it('gpioget_first_matching_named_line', async () => {
    await bench.drive('gpiochip0', 3, 1);
    await expectRuns(bench, [[['gpioget', 'foobar'], '"foobar"=active\n', 0]]);
  });

  it('gpioget_multiple_lines', async () => {
    await pattern();
    await expectRuns(bench, [
      [
        ['gpioget', '--unquoted', '--chip', 'gpiochip2', ...ALL],
        '0=inactive 1=inactive 2=active 3=active 4=inactive 5=active 6=inactive 7=active\n',
        0,
      ],
    ]);
  });

  it('gpioget_multiple_lines_by_name_and_offset', async () => {
    for (const line of [1, 4, 2]) await bench.drive('gpiochip0', line, 1);
    await expectRuns(bench, [
      [
        ['gpioget', '--chip', 'gpiochip0', '0', 'foo', '4', 'bar'],
        '"0"=inactive "foo"=active "4"=active "bar"=active\n',
        0,
      ],
    ]);
  });

  it('gpioget_multiple_lines_across_multiple_chips', async () => {
    await bench.drive('gpiochip0', 1, 1);
    await bench.drive('gpiochip1', 4, 1);
    await expectRuns(bench, [
      [
        ['gpioget', 'baz', 'bar', 'foo', 'xyz'],
        '"baz"=inactive "bar"=inactive "foo"=active "xyz"=active\n',
        0,
      ],
    ]);
  });

  it('gpioget_with_numeric_values', async () => {
    await pattern();
    await expectRuns(bench, [
      [['gpioget', '--numeric', '--chip', 'gpiochip2', ...ALL], '0 0 1 1 0 1 0 1\n', 0],
    ]);
  });

  it('gpioget_with_active_low', async () => {
    await pattern();
    await expectRuns(bench, [
      [
        ['gpioget', '--active-low', '--unquoted', '--chip', 'gpiochip2', ...ALL],
        '0=active 1=active 2=inactive 3=inactive 4=active 5=inactive 6=active 7=inactive\n',
        0,
      ],
    ]);
  });

  it('gpioget_with_consumer', async () => {
    const notify = await bench.ready('gpionotify', '-F', '%l %E %C', 'foo', 'baz');
    await expectRuns(bench, [
      [['gpioget', '--consumer', 'the tests', 'foo', 'baz'], '"foo"=inactive "baz"=inactive\n', 0],
    ]);
    await notify.waitFor(/^foo requested the tests\n/m);
    await notify.waitFor(/^baz requested the tests\n/m);
    await notify.waitFor(/^foo released unused\n/m);
  });

  it('gpioget_with_direction_as_is', async () => {
    const info = (direction: string): Run => [
      ['gpioinfo', 'foo'],
      `gpiochip0 1\t"foo"           \t${direction}\n`,
      0,
    ];
    await expectRuns(bench, [
      [['gpioset', '-t0', 'foo=1'], '', 0],
      info('output'),
      [['gpioget', '--as-is', 'foo'], '"foo"=inactive\n', 0],
      info('output'),
      [['gpioget', 'foo'], '"foo"=inactive\n', 0],
      info('input'),
    ]);
  });

  it('gpioget_with_hold_period', () =>
    expectRuns(bench, [[['gpioget', '--hold-period=100ms', 'foo'], '"foo"=inactive\n', 0]]));

  it('gpioget_with_strict_named_line_check', () =>
    expectRuns(bench, [[['gpioget', '--strict', 'foobar'], "gpioget: line 'foobar' is not unique\n", 1]]));

  it('gpioget_with_lines_by_offset', async () => {
    await bench.drive('gpiochip3', 1, 1);
    await expectRuns(bench, [
      [['gpioget', '--chip', 'gpiochip3', '1', '6'], '"1"=active "6"=inactive\n', 0],
      [['gpioget', '--unquoted', '--chip', 'gpiochip3', '1', '6'], '1=active 6=inactive\n', 0],
    ]);
  });

  it('gpioget_with_lines_strictly_by_name', async () => {
    await bench.drive('gpiochip3', 1, 1);
    await expectRuns(bench, [
      [['gpioget', '--by-name', '--chip', 'gpiochip3', '1', '6'], '"1"=inactive "6"=active\n', 0],
      [['gpioget', '--by-name', '--unquoted', '--chip', 'gpiochip3', '1', '6'], '1=inactive 6=active\n', 0],
    ]);
  });

  it('gpioget_with_no_arguments', () => expectRuns(bench, [[['gpioget'], NO_LINES, 1]]));

  it('gpioget_with_chip_but_no_line_specified', () =>
    expectRuns(bench, [[['gpioget', '--chip', 'gpiochip0'], NO_LINES, 1]]));

  it('gpioget_with_offset_out_of_range', () =>
    expectRuns(bench, [
      [
        ['gpioget', '--chip', 'gpiochip0', '0', '7', '8', '9'],
        "gpioget: offset 8 is out of range on chip 'gpiochip0'\ngpioget: offset 9 is out of range on chip 'gpiochip0'\n",
        1,
      ],
    ]));

  it('gpioget_with_nonexistent_line', () =>
    expectRuns(bench, [[['gpioget', 'nope'], "gpioget: cannot find line 'nope'\n", 1]]));

  it('gpioget_with_same_line_twice', () =>
    expectRuns(
      bench,
      [
        [['--chip', 'gpiochip0'], '0', '0'],
        [[], 'foo', 'foo'],
        [['--chip', 'gpiochip0'], 'foo', 'foo'],
        [['--chip', 'gpiochip0'], 'foo', '1'],
        [['--chip', 'gpiochip0'], '1', 'foo'],
      ].map(([options, a, b]): Run => {
        const [first, second] = [a as string, b as string];
        const message = `gpioget: lines '${first}' and '${second}' are the same line\n`;
        return [['gpioget', ...(options as string[]), first, second], message, 1];
      }),
    ));

  it('gpioget_with_invalid_bias', () =>
    expectRuns(bench, [
      [['gpioget', '--bias=bad', '--chip', 'gpiochip0', '0', '1'], 'gpioget: invalid bias: bad\n', 1],
    ]));

  it('gpioget_with_invalid_hold_period', () =>
    expectRuns(bench, [
      [['gpioget', '--hold-period=bad', '--chip', 'gpiochip0', '0'], 'gpioget: invalid period: bad\n', 1],
    ]));

  it('refuses the bias that it cannot set, by name', async () => {
    for (const bias of ['pull-up', 'pull-down', 'disabled']) {
      const { status, output } = await bench.run('gpioget', `--bias=${bias}`, 'foo');
      expect([status, output]).toEqual([
        1,
        `gpioget: bias ${bias} is not possible: virtio-gpio cannot set the bias of a line\n`,
      ]);
    }
  });
});
