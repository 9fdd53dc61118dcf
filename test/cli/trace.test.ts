import { existsSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { built } from '../support/built.js';
import { Chain, Monitor } from '../support/chain.js';
import { eventually, run, temporaryDirectory } from '../support/program.js';

beforeAll(built);

let directory: ReturnType<typeof temporaryDirectory>;
let trace: string;

beforeEach(() => {
  directory = temporaryDirectory();
  trace = directory.join('trace');
});

afterEach(() => directory.remove());

/** Runs a daemon with these options on a simulator, monitors until `edges` came, and ends it in order. */
async function monitored(sim: readonly string[], daemon: readonly string[], edges: number): Promise<string> {
  const chain = new Chain({ port: 'unix', sim, daemon });
  try {
    const monitor = await Monitor.start(await chain.chip(), [0, 1, 2, 3]);
    await eventually(() => (monitor.ledger.delivered >= edges ? true : undefined), `${edges} edges`);
    const ledger = await monitor.stop();
    expect(ledger.violations).toEqual([]);
    expect(await chain.daemon.stop()).toBe(0);
    return chain.daemon.stderr;
  } finally {
    await chain.stop();
  }
}

const lines = (text: string) => text.split('\n').filter((line) => line !== '');
const decode = (...options: string[]) => run(['decode', trace, ...options]);

describe('daemon --trace and decode', () => {
  it('record and print a session, whole and in part', async () => {
    await monitored(['--stimulus', 'random:0-3:500'], ['--trace', trace], 200);
    const all = await decode();
    expect(all.status, all.stderr).toBe(0);
    expect(all.stderr).toBe('');
    expect(all.stdout).toMatch(/> sent {12}RST session 0x[0-9a-f]{8} window 7 max_payload 1024\n/);
    expect(all.stdout).toMatch(/< delivered {7}DATA .*BUS_HELLO answer .*'gpiobridge-sim 1\.0'/);
    expect(all.stdout).toMatch(/SET_IRQ_TYPE line 2 EDGE_BOTH = OK[;\n]/);
    expect(all.stdout).toMatch(/VQ_USED device 1 eventq: line [0-3] edge level [01] seq \d+ at \d+/);
    expect(all.stdout).toMatch(/link down: closed\n$/);

    const json = lines((await decode('--json')).stdout).map((line) => JSON.parse(line));
    expect(json).toHaveLength(lines(all.stdout).length);
    const kinds = lines((await decode('--json', '--kind', 'hello-response,state')).stdout);
    expect(kinds.length).toBeGreaterThan(2);
    for (const { type, message } of kinds.map((line) => JSON.parse(line))) {
      expect(type === 'state' || message.type === 'hello-response').toBe(true);
    }
    const times = lines((await decode('--from', '0.1', '--to', '0.5', '--json')).stdout);
    const within = json.filter(({ since_start_ns: ns }) => Number(ns) >= 1e8 && Number(ns) <= 5e8);
    expect(times).toHaveLength(within.length);
    expect(await decode('--coprocessor', 'nobody')).toEqual({
      status: 0,
      stdout: '',
      stderr: 'gpiobridge decode: nothing in the trace is what was asked for\n',
    });

    const summary = JSON.parse((await decode('--summary', '--json')).stdout);
    const [hub] = summary.coprocessors;
    expect(hub.edges).toBeGreaterThanOrEqual(200);
    const count = (message: string) =>
      json.filter((one) => one.message?.type === message && ['sent', 'delivered'].includes(one.fate)).length;
    for (const { message, count: number } of hub.messages) expect(number, message).toBe(count(message));
  });

  it('keep a trace within its bounds, and read it together', async () => {
    const limits = ['--trace-size', '256k', '--trace-files', '2'];
    const log = await monitored(['--stimulus', 'random:0-3:40000'], ['--trace', trace, ...limits], 40_000);
    expect(log).toMatch(/event=trace_ended records=\d+ bytes=\d+ lost=0/);
    expect(readdirSync(directory.path).sort()).toEqual(['trace', 'trace.1']);
    for (const name of [trace, `${trace}.1`]) expect(statSync(name).size).toBeLessThanOrEqual(256 * 1024);
    const summary = JSON.parse((await decode('--summary', '--json')).stdout);
    expect(summary).toMatchObject({ files: [`${trace}.1`, trace], cut_files: 0, damaged_bytes: 0 });
    const replayed = await run(['sim', '--replay', trace, '--listen', `unix:${directory.join('port')}`]);
    expect(replayed.status).toBe(1);
    expect(replayed.stderr).toMatch(/does not hold the start of a session.*--trace-size/);
  });

  it('go on without a trace when the disk is full, and say so once', async () => {
    const log = await monitored(['--stimulus', 'random:0-3:2000'], ['--trace', '/dev/full'], 500);
    expect(log.match(/event=trace_stopped/g)).toHaveLength(1);
    expect(log).toMatch(/level=warn event=trace_stopped file=\/dev\/full error="ENOSPC/);
    expect(existsSync('/dev/full.1')).toBe(false);
  });

  it('read a trace that is cut, and say so', async () => {
    await monitored(['--stimulus', 'random:0-3:500'], ['--trace', trace], 10);
    const whole = lines((await decode()).stdout).length;
    truncateSync(trace, statSync(trace).size - 3);
    const cut = await decode();
    expect(cut.status).toBe(0);
    expect(lines(cut.stdout)).toHaveLength(whole - 1);
    expect(cut.stderr).toBe(
      'gpiobridge decode: the last record is cut: the daemon or the disk ended while it was written\n',
    );
  });

  it('refuse what is no trace, and what makes no sense', async () => {
    writeFileSync(trace, 'Sat Nov 21 02:31:55 UTC 2026\n');
    const refusals: [string[], RegExp][] = [
      [['decode', trace], /^gpiobridge decode: '.*trace' is no trace/],
      [['decode', directory.join('none')], /^gpiobridge decode: no trace '.*none': there is no such file\n$/],
      [['decode', directory.path], /is not a file\n$/],
      [
        ['decode', trace, '--kind', 'edges'],
        /^gpiobridge decode: --kind: no kind 'edges': there are data, ack/,
      ],
      [['decode', trace, '--from', 'noon'], /^gpiobridge decode: 'noon' is no time in seconds, as 12\.5\n$/],
      [
        ['daemon', '--link', 'hub=unix:/tmp/x', '--trace', trace, '--trace-size', '1'],
        /--trace-size: '1' is no size/,
      ],
      [['sim', '--listen', 'unix:/tmp/x', '--pace', 'fast'], /^gpiobridge sim: --pace is for --replay\n$/],
      [
        ['sim', '--listen', 'unix:/tmp/x', '--replay', trace, '--lines', '3'],
        /^gpiobridge sim: --lines is not for --replay/,
      ],
      [['sim', '--listen', 'unix:/tmp/x', '--replay', trace], /^gpiobridge sim: '.*' is no trace/],
      [['sim', '--listen', 'unix:/tmp/x', '--replay', trace, '--pace', 'slow'], /pace 'slow': give 'fast'/],
    ];
    for (const [args, message] of refusals) {
      const { status, stdout, stderr } = await run(args);
      expect({ args, status, stdout }).toEqual({ args, status: 1, stdout: '' });
      expect(stderr).toMatch(message);
      expect(lines(stderr)).toHaveLength(1);
    }
  });

  it('refuse to start where the trace cannot be, leaving nothing behind', async () => {
    const args = ['daemon', '--runtime-dir', directory.join('run'), '--link', 'hub=unix:/tmp/x'];
    const { status, stderr } = await run([...args, '--trace', directory.join('no/trace')]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/gpiobridge daemon: trace '.*no\/trace' cannot be opened: ENOENT/);
  });
});
