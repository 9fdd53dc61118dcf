import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeTimers } from '../../src/base/clock.js';
import { CoprocessorChip } from '../../src/gpio/coprocessor-chip.js';
import { type ApiBench, apiBench, hostClock } from '../support/api-bench.js';
import { built, MAIN } from '../support/built.js';
import { MemoryRemote } from '../support/memory-remote.js';
import { Program, run, temporaryDirectory } from '../support/program.js';

/** Where scripts look closely: orders, abbreviations, what is refused and in whose name. */
let bench: ApiBench;
beforeAll(async () => {
  await built();
  bench = await apiBench(80);
  const rack = new CoprocessorChip({
    name: 'rack',
    remote: new MemoryRemote('rack', ['FAN', 'LAMP']),
    clock: hostClock,
    timers: nodeTimers,
    startingMs: 1_000,
  });
  await bench.server.addChip(rack, { mode: 0o660 });
}, 60_000);
afterAll(() => bench.close());

const tool = (name: string, ...args: string[]) => run([name, '--runtime-dir', bench.layout.dir, ...args]);
const failure = (stderr: string) => ({ status: 1, stdout: '', stderr: `${stderr}\n` });
const offsets = (count: number) => Array.from({ length: count }, (_, offset) => `${offset}`);

describe('initial values of mon', () => {
  it('come in the order in which the lines were named, whatever their chips', async () => {
    const named = ['FAN', 'L3', 'LAMP', 'L1'];
    const { stdout } = await tool('mon', '-I', '--idle-timeout', '1ms', ...named);
    expect(stdout).toBe(`${named.map((name) => `"${name}"=inactive`).join(' ')}\n`);
    const json = await tool('mon', '-I', '--json', '--idle-timeout', '1ms', ...named);
    expect(
      json.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).name),
    ).toEqual(named);
  });
});

describe('abbreviated options', () => {
  it('are taken as getopt_long takes them', async () => {
    expect(await tool('get', '--act', '--nume', 'L0')).toEqual({ status: 0, stdout: '1\n', stderr: '' });
    expect(await tool('mon', '--idle', '1ms', '--qui', 'L0')).toEqual({ status: 0, stdout: '', stderr: '' });
    expect((await tool('mon', '--num', '1', 'L0')).stderr).toBe(
      "gpiobridge mon: option '--num' is ambiguous: --num-events, --numeric\n",
    );
  });
});

describe('what is refused', () => {
  it('is more lines of a chip than a request takes, before anything is set', async () => {
    const ids = offsets(65);
    const many = 'too many lines given: at most 64 of one chip';
    expect(await tool('get', '-c', 'hub', ...ids)).toEqual(failure(`gpiobridge get: ${many}`));
    const values = ids.map((id) => `${id}=1`);
    expect(await tool('set', '-c', 'hub', ...values)).toEqual(failure(`gpiobridge set: ${many}`));
    expect((await tool('get', '--numeric', '-c', 'hub', ...offsets(64))).status).toBe(0);
  });

  it('is a consumer that nobody could show', async () => {
    expect(await tool('get', '-C', 'x'.repeat(256), 'L0')).toEqual(
      failure('gpiobridge get: invalid consumer: longer than 255 characters'),
    );
    expect(await tool('get', '-C', 'a\tb', 'L0')).toEqual(
      failure('gpiobridge get: invalid consumer: control characters are not accepted'),
    );
  });

  it.each(['', '/dev/null', '/'])('is %j as a chip', async (id) => {
    expect(await tool('get', '-c', id, '1')).toEqual(
      failure(`gpiobridge get: cannot find GPIO chip character device '${id}'`),
    );
  });
});

describe('a chip that cannot be opened', () => {
  it('is an error of info where all are to be shown, and no hindrance where lines are', async () => {
    const other = await apiBench(1);
    // Nobody listens: as of a daemon that was killed.
    writeFileSync(join(other.layout.chips, 'old'), '');
    const info = (...args: string[]) => run(['info', '--runtime-dir', other.layout.dir, ...args]);
    const all = await info();
    expect(all.stdout).toMatch(/^hub - 1 lines:\n/);
    expect(all.stderr).toMatch(/^gpiobridge info: unable to open chip 'old': .*\n$/);
    expect(all.status).toBe(1);
    await other.close();
  });
});

describe('a reader that cannot take what is printed', () => {
  it('is told of in the name of the tool', async () => {
    const full = openSync('/dev/full', 'w');
    const args = ['get', '--runtime-dir', bench.layout.dir, 'L0'];
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', full, 'pipe'] });
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const [status] = await once(child, 'close');
    expect(stderr).toMatch(/^gpiobridge get: cannot write to standard output: .*\n$/);
    expect(status).toBe(1);
  });
});

describe('a chip whose coprocessor has not come up', () => {
  it('is said to be awaited, to those who may know', async () => {
    const directory = temporaryDirectory();
    const runtimeDir = directory.join('run');
    const link = `hub=unix:${directory.join('nobody')}`;
    const daemon = new Program(['daemon', '--runtime-dir', runtimeDir, '--link', link]);
    await daemon.waitFor(/event=ready/);
    const detect = (...args: string[]) => run(['detect', '--runtime-dir', runtimeDir, ...args]);
    expect((await detect('hub')).stderr).toMatch(
      /^gpiobridge detect: chip 'hub' is not there yet: its coprocessor has not described itself \(link \w+.*\)\n$/,
    );
    expect((await detect('rack')).stderr).toBe(
      "gpiobridge detect: cannot find GPIO chip character device 'rack'\n",
    );
    await daemon.stop();
    directory.remove();
  });
});
