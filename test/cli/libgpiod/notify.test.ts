import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Program } from '../../support/program.js';
import { expectRuns, type Run, ToolsBench } from './tools-bench.js';

/** The cases of libgpiod's tool tests for gpionotify, by their names; see cases.md. */
let bench: ToolsBench;
beforeAll(async () => {
  bench = await ToolsBench.start();
});
afterEach(() => bench.reset());
afterAll(() => bench?.stop());

const NO_LINES = 'gpionotify: at least one GPIO line must be specified\n';
const DATE = '20\\d\\d-[01]\\d-[0-3]\\dT[0-2]\\d:[0-5]\\d:[0-5]\\d\\.\\d{9}';

/** Somebody requests the line and releases it at once. */
async function requestAndRelease(chip: string, line: number): Promise<void> {
  expect((await bench.run('gpioget', '-c', chip, String(line))).status).toBe(0);
}

/** What came after the banner, without the times, when the last of it has come. */
async function rows(notify: Program, last: RegExp): Promise<string[]> {
  await notify.waitFor(last);
  await notify.stop();
  expect(notify.stderr).toBe('');
  const lines = notify.stdout.split('\n').slice(1, -1);
  for (const line of lines) expect(line).toMatch(/^\d+\.\d{9}\t/);
  return lines.map((line) => line.split('\t').slice(1).join(' '));
}
const both = (line: string) => [`requested ${line}`, `released ${line}`];

describe('gpionotify', () => {
  it.each([
    ['gpionotify_by_name', [], 'foo', '"foo"'],
    ['gpionotify_by_offset', ['--chip', 'gpiochip0'], '1', 'gpiochip0 1 "foo"'],
    ['gpionotify_by_symlink', ['--chip', 'LINK'], '1', 'gpiochip0 1 "foo"'],
    ['gpionotify_with_unquoted', ['--unquoted'], 'foo', 'foo'],
  ])('%s', async (_case, options, line, shown) => {
    const args = options.map((option) => (option === 'LINK' ? bench.chipLink('gpiochip0') : option));
    const notify = await bench.ready('gpionotify', ...args, line);
    expect(notify.stdout).toBe(`Watching line '${line}'...\n`);
    await requestAndRelease('gpiochip0', 1);
    expect(await rows(notify, /released/)).toEqual(both(shown));
  });

  it('gpionotify_by_chip_and_name', async () => {
    const notify = await bench.ready('gpionotify', '--chip', 'gpiochip1', 'foo');
    await requestAndRelease('gpiochip0', 1);
    await requestAndRelease('gpiochip1', 3);
    expect(await rows(notify, /released/)).toEqual(both('gpiochip1 3 "foo"'));
  });

  it('gpionotify_first_matching_named_line', async () => {
    const notify = await bench.ready('gpionotify', 'foobar');
    await requestAndRelease('gpiochip1', 2);
    await requestAndRelease('gpiochip0', 3);
    expect(await rows(notify, /released/)).toEqual(both('"foobar"'));
  });

  it('gpionotify_with_requested', async () => {
    const notify = await bench.ready(
      'gpionotify',
      '--event=requested',
      '-n',
      '2',
      '--chip',
      'gpiochip0',
      '4',
    );
    await requestAndRelease('gpiochip0', 4);
    await requestAndRelease('gpiochip0', 4);
    expect(await notify.exit()).toBe(0);
    expect(notify.stdout.match(/requested|released/g)).toEqual(['requested', 'requested']);
  });

  it('gpionotify_with_released', async () => {
    const notify = await bench.ready('gpionotify', '--event=released', '--chip', 'gpiochip0', '4');
    await requestAndRelease('gpiochip0', 4);
    expect(await rows(notify, /released/)).toEqual(['released gpiochip0 4']);
  });

  it('gpionotify_with_quiet_mode', async () => {
    for (const option of ['--quiet', '-q', '--silent']) {
      const notify = await bench.ready('gpionotify', option, '-n', '2', '--chip', 'gpiochip0', '4');
      await requestAndRelease('gpiochip0', 4);
      expect(await notify.exit()).toBe(0);
      expect(notify.stdout).toBe("Watching line '4'...\n");
    }
  });

  it('gpionotify_with_num_events', async () => {
    const notify = await bench.ready('gpionotify', '--num-events=4', '--chip', 'gpiochip0', '4', '5');
    await requestAndRelease('gpiochip0', 5);
    await requestAndRelease('gpiochip0', 4);
    expect(await notify.exit()).toBe(0);
    expect(notify.stdout.match(/\t\w+\tgpiochip0 \d/g)).toEqual([
      '\trequested\tgpiochip0 5',
      '\treleased\tgpiochip0 5',
      '\trequested\tgpiochip0 4',
      '\treleased\tgpiochip0 4',
    ]);
  });

  it('gpionotify_with_idle_timeout', () =>
    expectRuns(bench, [[['gpionotify', '--idle-timeout', '10ms', '-c', 'gpiochip0', '3', '4'], '', 0]]));

  it('gpionotify_multiple_lines', async () => {
    const notify = await bench.ready('gpionotify', '--chip', 'gpiochip2', '1', '2', '3', '4', '5');
    for (const line of [2, 6, 3, 4]) await requestAndRelease('gpiochip2', line);
    const shown = [2, 3, 4].flatMap((line) => both(`gpiochip2 ${line}`));
    expect(await rows(notify, /released\tgpiochip2 4/)).toEqual(shown);
  });

  it('gpionotify_multiple_lines_by_name_and_offset', async () => {
    const notify = await bench.ready('gpionotify', '--chip', 'gpiochip0', 'bar', 'foo', '4');
    for (const line of [2, 1, 4]) await requestAndRelease('gpiochip0', line);
    const shown = ['gpiochip0 2 "bar"', 'gpiochip0 1 "foo"', 'gpiochip0 4'].flatMap(both);
    expect(await rows(notify, /released\tgpiochip0 4/)).toEqual(shown);
  });

  it('gpionotify_multiple_lines_across_multiple_chips', async () => {
    const notify = await bench.ready('gpionotify', 'baz', 'bar', 'foo', 'xyz');
    await requestAndRelease('gpiochip0', 2);
    await requestAndRelease('gpiochip0', 1);
    await requestAndRelease('gpiochip1', 4);
    await requestAndRelease('gpiochip1', 0);
    expect(await rows(notify, /released\t"baz"/)).toEqual(['"bar"', '"foo"', '"xyz"', '"baz"'].flatMap(both));
  });

  it('gpionotify_exit_after_SIGINT', async () => {
    expect(await (await bench.ready('gpionotify', '-c', 'gpiochip0', '4')).stop('SIGINT')).toBe('SIGINT');
  });

  it('gpionotify_exit_after_SIGTERM', async () => {
    expect(await (await bench.ready('gpionotify', '-c', 'gpiochip0', '4')).stop('SIGTERM')).toBe('SIGTERM');
  });

  it('gpionotify_with_nonexistent_line', () =>
    expectRuns(bench, [[['gpionotify', 'nope'], "gpionotify: cannot find line 'nope'\n", 1]]));

  it('gpionotify_with_same_line_twice', () =>
    expectRuns(
      bench,
      [
        ['0', '0'],
        ['foo', 'foo'],
        ['1', 'foo'],
      ].map(([a, b]): Run => {
        const message = `gpionotify: lines '${a}' and '${b}' are the same line\n`;
        return [['gpionotify', '--chip', 'gpiochip0', a as string, b as string], message, 1];
      }),
    ));

  it('gpionotify_with_strict_named_line_check', () =>
    expectRuns(bench, [
      [['gpionotify', '--strict', 'foobar'], "gpionotify: line 'foobar' is not unique\n", 1],
    ]));

  it('gpionotify_with_lines_by_offset', async () => {
    const notify = await bench.ready('gpionotify', '--chip', 'gpiochip3', '1');
    await requestAndRelease('gpiochip3', 6);
    await requestAndRelease('gpiochip3', 1);
    expect(await rows(notify, /released/)).toEqual(both('gpiochip3 1 "6"'));
  });

  it('gpionotify_with_lines_strictly_by_name', async () => {
    const notify = await bench.ready('gpionotify', '--by-name', '--chip', 'gpiochip3', '1');
    await requestAndRelease('gpiochip3', 1);
    await requestAndRelease('gpiochip3', 6);
    expect(await rows(notify, /released/)).toEqual(both('gpiochip3 6 "1"'));
  });

  it('gpionotify_with_no_arguments', () => expectRuns(bench, [[['gpionotify'], NO_LINES, 1]]));

  it('gpionotify_with_no_line_specified', () =>
    expectRuns(bench, [[['gpionotify', '--chip', 'gpiochip0'], NO_LINES, 1]]));

  it('gpionotify_with_offset_out_of_range', () =>
    expectRuns(bench, [
      [
        ['gpionotify', '--chip', 'gpiochip0', '8'],
        "gpionotify: offset 8 is out of range on chip 'gpiochip0'\n",
        1,
      ],
    ]));

  it('gpionotify_with_invalid_idle_timeout', () =>
    expectRuns(bench, [
      [['gpionotify', '--idle-timeout', 'bad', '-c', '0', '0', '1'], 'gpionotify: invalid period: bad\n', 1],
    ]));

  it.each([
    ['gpionotify_with_custom_format_event_type_offset', 'requested', '%e %o', '1 1'],
    ['gpionotify_with_custom_format_event_type_offset_joined', 'requested', '%e%o', '11'],
    [
      'gpionotify_with_custom_format_event_chip_and_line',
      'released',
      '%e %o %E %c %l',
      '2 1 released gpiochip0 foo',
    ],
    ['gpionotify_with_custom_format_seconds_timestamp', 'requested', '%e %o %S', '1 1 \\d+\\.\\d{9}'],
    ['gpionotify_with_custom_format_UTC_timestamp', 'released', '%U %e %o', `${DATE}Z 2 1`],
    ['gpionotify_with_custom_format_localtime_timestamp', 'released', '%L %e %o', `${DATE} 2 1`],
    ['gpionotify_with_custom_format_double_percent_sign', 'requested', 'start%%end', 'start%end'],
    ['gpionotify_with_custom_format_double_percent_sign_event_type_specifier', 'requested', '%%e', '%e'],
    ['gpionotify_with_custom_format_single_percent_sign', 'requested', '%', '%'],
    [
      'gpionotify_with_custom_format_single_percent_sign_between_other_characters',
      'requested',
      'foo % bar',
      'foo % bar',
    ],
    ['gpionotify_with_custom_format_unknown_specifier', 'requested', '%x', '%x'],
    ['attributes and consumer', 'requested', '%a, %C', 'input consumer="gpioget", gpioget'],
    ['attributes and consumer of a line that is free', 'released', '%a, %C', 'input, unused'],
  ])('%s', async (_case, event, format, expected) => {
    const args = [`--event=${event}`, `--format=${format}`, '-n', '1', '-c', 'gpiochip0', '1'];
    const notify = await bench.ready('gpionotify', ...args);
    await requestAndRelease('gpiochip0', 1);
    expect(await notify.exit()).toBe(0);
    expect(notify.stdout).toMatch(new RegExp(`^Watching line '1'\\.\\.\\.\\n${expected}\\n$`));
  });

  it('prints dates with --utc and --localtime, of now', async () => {
    const utc = await bench.ready('gpionotify', '--utc', '-n', '1', 'foo');
    const local = await bench.ready('gpionotify', '--localtime', '-n', '1', 'foo');
    await requestAndRelease('gpiochip0', 1);
    expect([await utc.exit(), await local.exit()]).toEqual([0, 0]);
    const stamp = new RegExp(`\\n(${DATE})Z\\trequested\\t"foo"\\n$`).exec(utc.stdout)?.[1] ?? '';
    const ms = Date.parse(`${stamp.slice(0, 23)}Z`);
    expect(Math.abs(ms - Date.now())).toBeLessThan(10_000);
    // The bench is in Tokyo: nine hours ahead, all year.
    const ahead = new RegExp(`\\n(${DATE})\\trequested\\t"foo"\\n$`).exec(local.stdout)?.[1] ?? '';
    expect(Date.parse(`${ahead.slice(0, 23)}Z`) - ms).toBeCloseTo(9 * 3_600_000, -2);
  });
});
