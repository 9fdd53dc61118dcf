import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeTimers } from '../../src/base/clock.js';
import { CoprocessorChip } from '../../src/gpio/coprocessor-chip.js';
import { type ApiBench, apiBench, hostClock } from '../support/api-bench.js';
import { built } from '../support/built.js';
import { MemoryRemote } from '../support/memory-remote.js';
import { eventually, Program, run } from '../support/program.js';

/**
 * The tools as processes, against a served `hub` (L0..L15) and `rack` (FAN, L1 again, unnamed, a=b).
 * Every line here that is not ours by docs/cli.md is libgpiod's.
 */
let bench: ApiBench;
let rack: MemoryRemote;

beforeAll(async () => {
  await built();
  bench = await apiBench(16);
  rack = new MemoryRemote('rack', ['FAN', 'L1', undefined, 'a=b']);
  const chip = new CoprocessorChip({
    name: 'rack',
    remote: rack,
    clock: hostClock,
    timers: nodeTimers,
    startingMs: 1_000,
  });
  await bench.server.addChip(chip, { mode: 0o660 });
});
afterAll(() => bench.close());

const at = () => ['--runtime-dir', bench.layout.dir];
const tool = (name: string, ...args: string[]) => run([name, ...at(), ...args]);
const start = (name: string, ...args: string[]) => new Program([name, ...at(), ...args]);
const ok = (stdout: string) => ({ status: 0, stdout, stderr: '' });
const failure = (...stderr: string[]) => ({
  status: 1,
  stdout: '',
  stderr: stderr.map((line) => `${line}\n`).join(''),
});

/** Makes a line sense one edge, once a monitor has armed it. */
function sense(lines: number[]): void {
  bench.remote.sense(lines);
}

describe('detect', () => {
  it('lists chips by name', async () => {
    expect(await tool('detect')).toEqual(ok('hub [memory 1.0] (16 lines)\nrack [memory 1.0] (4 lines)\n'));
    expect(await tool('detect', 'rack')).toEqual(ok('rack [memory 1.0] (4 lines)\n'));
    expect(await tool('detect', `${bench.layout.chips}/rack`)).toEqual(ok('rack [memory 1.0] (4 lines)\n'));
  });

  it('goes on after a chip that is not there', async () => {
    expect(await tool('detect', '3', 'rack')).toEqual({
      status: 1,
      stdout: 'rack [memory 1.0] (4 lines)\n',
      stderr: "gpiobridge detect: cannot find GPIO chip character device '3'\n",
    });
  });

  it('prints JSON', async () => {
    const { stdout } = await tool('detect', '--json', 'rack');
    expect(JSON.parse(stdout)).toEqual({
      type: 'chip',
      chip: 'rack',
      label: 'memory 1.0',
      lines: 4,
      counts_loss: true,
      state: 'up',
    });
  });
});

describe('info', () => {
  it('lists all lines of a chip', async () => {
    expect(await tool('info', '-c', 'rack')).toEqual(
      ok(
        'rack - 4 lines:\n' +
          '\tline   0:\t"FAN"           \tinput\n' +
          '\tline   1:\t"L1"            \tinput\n' +
          '\tline   2:\tunnamed         \tinput\n' +
          '\tline   3:\t"a=b"           \tinput\n',
      ),
    );
  });

  it('shows selected lines in the order of chips', async () => {
    expect(await tool('info', '--unquoted', 'FAN', 'L3')).toEqual(
      ok('hub 3\tL3              \tinput\nrack 0\tFAN             \tinput\n'),
    );
    expect(await tool('info', '-c', 'rack', '2')).toEqual(ok('rack 2\tunnamed         \tinput\n'));
  });

  it('shows every line of a name when strict, the first otherwise', async () => {
    expect(await tool('info', 'L1')).toEqual(ok('hub 1\t"L1"            \tinput\n'));
    const strict = await tool('info', '-s', 'L1');
    expect(strict.stdout).toBe('hub 1\t"L1"            \tinput\nrack 1\t"L1"            \tinput\n');
    expect(strict).toMatchObject({ status: 1, stderr: '' });
  });

  it('shows what there is and tells what is missing', async () => {
    const { status, stdout, stderr } = await tool('info', 'NOPE', 'FAN');
    expect({ status, stdout, stderr }).toEqual({
      status: 1,
      stdout: 'rack 0\t"FAN"           \tinput\n',
      stderr: "gpiobridge info: cannot find line 'NOPE'\n",
    });
    expect(await tool('info', '-c', 'rack', '4')).toEqual(
      failure("gpiobridge info: offset 4 is out of range on chip 'rack'"),
    );
    expect(await tool('info', '-c', 'none')).toEqual(
      failure("gpiobridge info: cannot find GPIO chip character device 'none'"),
    );
  });

  it('prints JSON', async () => {
    const { stdout } = await tool('info', '--json', '-c', 'rack', '2');
    expect(JSON.parse(stdout)).toEqual({
      type: 'line',
      chip: 'rack',
      offset: 2,
      name: null,
      direction: 'input',
      active_low: false,
      edges: 'none',
      event_clock: 'monotonic',
      debounce_period_us: 0,
      used: false,
      consumer: null,
      through_chip: null,
      unavailable: null,
      persistent: false,
    });
  });
});

describe('get', () => {
  it('prints values in the order asked, whatever the chips', async () => {
    bench.remote.levels[4] = 1;
    rack.levels[0] = 1;
    expect(await tool('get', 'FAN', 'L3', 'L4')).toEqual(ok('"FAN"=active "L3"=inactive "L4"=active\n'));
    expect(await tool('get', '--numeric', 'FAN', 'L3', 'L4')).toEqual(ok('1 0 1\n'));
    expect(await tool('get', '--unquoted', '-l', '-c', 'hub', '4', 'L3')).toEqual(
      ok('4=inactive L3=active\n'),
    );
    bench.remote.levels[4] = 0;
  });

  it('makes lines inputs, unless told to leave them', async () => {
    bench.remote.directions[7] = 'output';
    await tool('get', '-a', 'L7');
    await tool('get', 'L6');
    expect(bench.remote.directions[6]).toBe('none');
    expect((await tool('get', '-p', '20ms', 'L6')).status).toBe(0);
  });

  it.each([
    [[], 'at least one GPIO line must be specified'],
    [['NOPE'], "cannot find line 'NOPE'"],
    [['3'], "cannot find line '3'"],
    [['-c', 'hub', '16'], "offset 16 is out of range on chip 'hub'"],
    [['-c', 'nope', '1'], "cannot find GPIO chip character device 'nope'"],
    [['-s', 'L1'], "line 'L1' is not unique"],
    [['-c', 'hub', 'L3', '3'], "lines 'L3' and '3' are the same line"],
    [['-c', 'hub', '--by-name', '3'], "cannot find line '3'"],
    [['-p', '5x', 'L3'], 'invalid period: 5x'],
    [['-b', 'sideways', 'L3'], 'invalid bias: sideways'],
  ])('refuses %j', async (args, message) => {
    expect(await tool('get', ...args)).toEqual(failure(`gpiobridge get: ${message}`));
  });

  it('refuses an option it does not know', async () => {
    const { status, stderr } = await tool('get', '--bogus', 'L1');
    expect(status).toBe(1);
    expect(stderr).toBe(
      "gpiobridge get: unknown option '--bogus'\ngpiobridge get: try gpiobridge get --help\n",
    );
  });

  it('prints JSON', async () => {
    const { stdout } = await tool('get', '--json', '-c', 'rack', '2', 'FAN');
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { type: 'value', chip: 'rack', offset: 2, name: null, value: 0 },
      { type: 'value', chip: 'rack', offset: 0, name: 'FAN', value: 1 },
    ]);
  });

  it('says who holds a line', async () => {
    const holder = start('set', '--banner', '-C', 'the holder', 'L9=1');
    await holder.waitFor(/Setting/);
    const { status, stderr } = await tool('get', 'L9');
    expect(status).toBe(1);
    expect(stderr).toMatch(/^gpiobridge get: unable to request lines on chip 'hub': .*'the holder'/);
    expect((await tool('info', 'L9')).stdout).toBe('hub 9\t"L9"            \toutput consumer="the holder"\n');
    await holder.stop();
  });

  it('says where it looked for a daemon', async () => {
    const { status, stderr } = await run(['get', '--runtime-dir', '/nonexistent/gb', 'L1']);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^gpiobridge get: no gpiobridge daemon answers; tried \/nonexistent\/gb/);
  });
});

describe('set', () => {
  it('holds until killed, then releases', async () => {
    const holder = start('set', '--banner', 'L10=1', '"a=b"=on', 'L11=off');
    await holder.waitFor(/^Setting lines 'L10', 'a=b', and 'L11'\.\.\.\n/);
    expect([bench.remote.levels[10], bench.remote.directions[10], rack.levels[3]]).toEqual([1, 'output', 1]);
    expect(await holder.stop('SIGINT')).toBe('SIGINT');
    expect([bench.remote.directions[10], rack.directions[3]]).toEqual(['none', 'none']);
    expect(holder.stderr).toBe('');
  });

  it('toggles, and exits after a last period of 0', async () => {
    const { status, stdout } = await tool('set', '--json', '-t', '10,20,0', 'L12=1', '-l');
    expect(status).toBe(0);
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).value),
    ).toEqual([1, 0, 1]);
    expect(bench.remote.levels[12]).toBe(0);
  });

  it('keeps every value for the hold period', async () => {
    const begin = performance.now();
    expect((await tool('set', '-t', '1ms,0', '-p', '150ms', 'L12=1')).status).toBe(0);
    expect(performance.now() - begin).toBeGreaterThan(300);
  });

  it.each([
    [[], 'at least one GPIO line value must be specified'],
    [['L1'], "invalid line value: 'L1'"],
    [['L1=2'], "invalid line value: '2'"],
    [['-t', '1,x', 'L3=1'], 'invalid period: x'],
    [
      ['-d', 'open-drain', 'L3=1'],
      'drive open-drain is not possible: virtio-gpio cannot set the drive of a line',
    ],
    [['-d', 'up', 'L3=1'], 'invalid drive: up'],
    [['-b', 'pull-up', 'L3=1'], 'bias pull-up is not possible: virtio-gpio cannot set the bias of a line'],
    [['-i', '-t', '1s', 'L3=1'], "can't combine interactive with toggle"],
    [['-z', 'L3=2'], "invalid line value: '2'"],
    [['-z', 'NOPE=1'], "cannot find line 'NOPE'"],
  ])('refuses %j before it changes anything', async (args, message) => {
    expect(await tool('set', ...args)).toEqual(failure(`gpiobridge set: ${message}`));
    expect(bench.remote.directions[3]).toBe('none');
  });
});

describe('mon', () => {
  it('prints edges as they come, and ends after so many', async () => {
    const mon = start('mon', '--banner', '-n', '2', 'L1', 'L2');
    await mon.waitFor(/^Monitoring lines 'L1', and 'L2'\.\.\.\n/);
    sense([1]);
    await mon.waitFor(/\d+\.\d{9}\trising\t"L1"\n/);
    sense([1, 2]);
    expect(await mon.exit()).toBe(0);
    expect(
      mon.stdout
        .split('\n')
        .slice(1)
        .map((line) => line.split('\t').slice(1)),
    ).toEqual([['rising', '"L1"'], ['falling', '"L1"'], []]);
    expect((await tool('get', 'L1')).status).toBe(0);
  });

  it('shows chip and offset with -c, and the initial state', async () => {
    const mon = start('mon', '--banner', '-I', '-N', '-n', '1', '-c', 'hub', '-e', 'rising', '5');
    await mon.waitFor(/^0\nMonitoring line '5'\.\.\.\n/);
    sense([5]);
    expect(await mon.exit()).toBe(0);
    expect(mon.stdout).toMatch(/\trising\thub 5 "L5"\n$/);
  });

  it('formats as told', async () => {
    const mon = start('mon', '--banner', '-n', '1', '-F', '%c/%o/%l/%e/%E/%x/%U/%%/%z', 'L6');
    await mon.waitFor(/Monitoring/);
    sense([6]);
    await mon.exit();
    expect(mon.stdout).toMatch(/^hub\/6\/L6\/1\/rising\/0\/1970-01-\d\dT[\d:.]{18}Z\/%\/%z$/m);
  });

  it('prints realtime as a date', async () => {
    const mon = start('mon', '--banner', '-n', '1', '--utc', 'L8');
    await mon.waitFor(/Monitoring/);
    sense([8]);
    await mon.exit();
    const stamp = /^(20\d\d-.*)Z\t/m.exec(mon.stdout)?.[1] ?? '';
    expect(Math.abs(Date.parse(`${stamp.slice(0, 23)}Z`) - Date.now())).toBeLessThan(10_000);
  });

  it('prints JSON', async () => {
    const mon = start('mon', '--json', '-I', '-n', '1', 'L13', 'FAN');
    await mon.waitFor(/"FAN"/);
    await eventually(
      async () => {
        sense([13]);
        return mon.stdout.includes('"edge"') ? true : undefined;
      },
      () => mon.stdout,
    );
    await mon.exit();
    const objects = mon.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(objects.map(({ type, name }) => [type, name])).toEqual([
      ['value', 'L13'],
      ['value', 'FAN'],
      ['edge', 'L13'],
    ]);
    expect(objects[2]).toMatchObject({ chip: 'hub', offset: 13, clock: 'monotonic', seqno: 1, lost: 0 });
    expect(objects[2].timestamp_ns).toMatch(/^\d+$/);
  });

  it('ends when idle, with success', async () => {
    expect(await tool('mon', '--idle-timeout', '50ms', 'L14')).toEqual(ok(''));
  });

  it('gives lines back when it is killed', async () => {
    const mon = start('mon', '--banner', 'L15');
    await mon.waitFor(/Monitoring/);
    expect(await mon.stop('SIGTERM')).toBe('SIGTERM');
    expect((await tool('get', 'L15')).status).toBe(0);
  });

  it('tells of a coprocessor that goes and comes back, on stderr', async () => {
    const mon = start('mon', '--banner', 'L0');
    await mon.waitFor(/Monitoring/);
    bench.remote.state$.next({ kind: 'down', reason: 'unplugged' });
    await mon.waitFor(/gpiobridge mon: chip hub is down: unplugged\n/);
    bench.remote.state$.next({ kind: 'up', generation: 1 });
    await mon.waitFor(/gpiobridge mon: chip hub is up\n/);
    expect(mon.stdout).toBe("Monitoring line 'L0'...\n");
    await mon.stop();
  });

  it.each([
    [[], 'at least one GPIO line must be specified'],
    [Array.from({ length: 65 }, (_, line) => `X${line}`), 'too many lines given'],
    [['-e', 'up', 'L1'], 'invalid edges: up'],
    [['-E', 'sundial', 'L1'], 'invalid event clock: sundial'],
    [['-E', 'hte', 'L1'], 'event clock hte is not possible: a remote line has no hardware timestamp engine'],
    [['-n', 'x', 'L1'], "invalid number: 'x'"],
    [['-p', '5x', 'L1'], 'invalid period: 5x'],
    [['-p', '72m', 'L1'], 'maximum debounce period is 4294967295us, got 4320000000us'],
  ])('refuses %j', async (args, message) => {
    expect(await tool('mon', ...args)).toEqual(failure(`gpiobridge mon: ${message}`));
  });
});

describe('the program', () => {
  it('ends quietly when its reader has gone', async () => {
    const mon = start('mon', '--banner', 'L3');
    await mon.waitFor(/Monitoring/);
    mon.process.stdout?.destroy();
    await eventually(async () => {
      sense([3]);
      return mon.process.exitCode ?? undefined;
    }, 'the end of mon');
    expect(await mon.exit()).toBe(0);
    expect(mon.stderr).toBe('');
  });

  it('suggests a subcommand', async () => {
    expect((await run(['gte'])).stderr).toMatch(/unknown subcommand 'gte'; did you mean 'get'\?/);
    expect((await run([])).status).toBe(1);
    expect((await run(['--help'])).stdout).toMatch(/^Usage: gpiobridge/);
    expect((await run(['help', 'mon'])).stdout).toMatch(/^Usage: gpiobridge mon/);
    expect((await run(['-v'])).stdout).toMatch(/^gpiobridge \d/);
    expect((await run(['get', '-v'])).stdout).toMatch(/^gpiobridge \d/);
  });
});

describe('a daemon without chips', () => {
  it('is told of, on stderr', async () => {
    const empty = await apiBench(0);
    await empty.server.removeChip('hub', 'the test wants none');
    const run_ = (...args: string[]) => run([...args, '--runtime-dir', empty.layout.dir]);
    const hint = /the daemon has no chips yet, .*: 'gpiobridge status' tells their state\n$/;
    expect(await run_('detect')).toEqual({ status: 0, stdout: '', stderr: expect.stringMatching(hint) });
    expect(await run_('info')).toEqual({ status: 0, stdout: '', stderr: expect.stringMatching(hint) });
    expect(await run_('get', 'L1')).toEqual({ status: 1, stdout: '', stderr: expect.stringMatching(hint) });
    await empty.close();
  });
});
