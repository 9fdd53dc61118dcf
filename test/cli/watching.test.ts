import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askControl } from '../../firmware-sim/control-client.js';
import { built, MAIN } from '../support/built.js';
import { Chain } from '../support/chain.js';
import { eventually, Program, run, temporaryDirectory } from '../support/program.js';

/** `mon --vcd` and `mon --wave` against a daemon and a simulated coprocessor, all as processes. */
let chain: Chain;
const directory = temporaryDirectory();

beforeAll(async () => {
  await built();
  const names = 'DOOR,CLOCK,rain gauge,,IDLE';
  const stimuli = ['toggle:DOOR:4ms', 'toggle:CLOCK:2ms', 'pulse:2:20ms:3ms', 'random:3-3:100'];
  chain = new Chain({
    port: 'unix',
    sim: ['--names', names, ...stimuli.flatMap((spec) => ['--stimulus', spec])],
  });
  await chain.chip();
});
afterAll(async () => {
  await chain.stop();
  directory.remove();
});

const at = () => ['--runtime-dir', chain.runtimeDir];
const start = (...args: string[]) => new Program(['mon', ...at(), '-c', 'hub', ...args]);
const mon = (...args: string[]) => run(['mon', ...at(), '-c', 'hub', ...args]);
const reboot = () => askControl(chain.control, { command: 'reboot' });

/** A dump as its changes by signal, in order; throws where it is not well formed. */
interface Dump {
  readonly signals: ReadonlyMap<string, readonly { readonly atNs: number; readonly value: string }[]>;
  readonly endNs: number;
  readonly originNs: bigint;
  readonly comments: readonly string[];
}

function parse(text: string): Dump {
  const names = new Map<string, string>();
  const signals = new Map<string, { atNs: number; value: string }[]>();
  const comments = [...text.matchAll(/^\$comment (.*) \$end$/gm)].map(([, comment]) => comment);
  for (const [, code, name] of text.matchAll(/^\$var wire 1 (\S+) (\S+) \$end$/gm)) {
    names.set(code, name);
    signals.set(name, []);
  }
  let atNs = -1;
  for (const line of text.slice(text.indexOf('$enddefinitions')).split('\n').slice(1)) {
    if (line === '' || /^\$(dumpvars|end|comment .* \$end)$/.test(line)) continue;
    const [, stamp, value, code] = /^(?:#(\d+)|([01x])(\w+))$/.exec(line) ?? [];
    if (stamp !== undefined) {
      expect(Number(stamp)).toBeGreaterThan(atNs);
      atNs = Number(stamp);
    } else if (names.has(code)) signals.get(names.get(code)!)!.push({ atNs, value });
    else throw new Error(`not a line of a dump: ${line}`);
  }
  const [, seconds, fraction] = /time 0 is CLOCK_MONOTONIC (\d+)\.(\d{9}) s/.exec(text) ?? [];
  return { signals, endNs: atNs, originNs: BigInt(seconds + fraction), comments };
}

const parseFile = (path: string) => parse(readFileSync(path, 'latin1'));

/** Waits until the file, which may not be there yet, has more than 100 changes of CLOCK. */
function filling(path: string): Promise<true> {
  const changes = () => {
    const text = existsSync(path) ? readFileSync(path, 'latin1') : '';
    return text.includes('$dumpvars') ? parse(text).signals.get('CLOCK')!.length : 0;
  };
  return eventually(() => (changes() > 100 ? true : undefined), 'changes in the file');
}

function has(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('mon --vcd', () => {
  const path = directory.join('watched.vcd');
  let printed: { name: string; atNs: bigint; value: string }[];

  /** Edges with a gap among them, printed and dumped. */
  beforeAll(async () => {
    const program = start('--vcd', path, '--unquoted', '0', '1', '2', '3', '4');
    const moreEdges = (): Promise<true> => {
      const enough = program.stdout.length + 20_000;
      return eventually(
        () => (program.stdout.length > enough ? true : undefined),
        () => `edges\n${program.stderr}`,
      );
    };
    await moreEdges();
    await reboot();
    await program.waitFor(/firmware-restart/);
    await moreEdges();
    expect(await program.stop('SIGINT')).toBe('SIGINT');
    printed = [...program.stdout.matchAll(/^(\d+)\.(\d{9})\t(rising|falling)\thub (\d)/gm)].map(
      ([, seconds, fraction, edge, offset]) => ({
        name: ['DOOR', 'CLOCK', 'rain_gauge', 'line3', 'IDLE'][Number(offset)],
        atNs: BigInt(seconds + fraction),
        value: edge === 'rising' ? '1' : '0',
      }),
    );
  });

  it('has every edge that was printed, at its time', () => {
    expect(printed.length).toBeGreaterThan(500);
    const { signals, originNs, comments } = parseFile(path);
    const elsewhere = printed.filter(({ name, atNs, value }) => {
      const atHere = Number(atNs - originNs);
      // Edges of a line with the same time are a nanosecond apart here.
      const near = signals.get(name)!.filter((change) => Math.abs(change.atNs - atHere) <= 2);
      return !near.some((change) => change.value === value);
    });
    // None, unless this machine was so slow that some came when later ones had been written.
    const [, late] = /(\d+) changes came too late/.exec(comments.join('\n'))!;
    expect(elsewhere.length).toBeLessThanOrEqual(Number(late));
  });

  it('has a gap of x on every line, which ends for lines without edges, too', () => {
    const { signals, comments } = parseFile(path);
    expect(comments.join('\n')).toMatch(/lost on hub 4 "IDLE" \(firmware-restart\), now inactive/);
    for (const [name, changes] of signals) {
      const gap = changes.findIndex(({ value }) => value === 'x');
      expect(gap, name).toBeGreaterThan(0);
      expect(changes[gap + 1]?.value, name).toMatch(/[01]/);
    }
    expect(signals.get('IDLE')!.map(({ value }) => value)).toEqual(['0', 'x', '0']);
  });

  it('says of what it is made', () => {
    const text = readFileSync(path, 'latin1');
    expect(text).toMatch(/^\$date \d{4}-\d\d-\d\dT/);
    expect(text).toMatch(
      /\$comment chip hub \[gpiobridge-sim 1\.0\]; its clock is known within \d+ ns \$end/,
    );
    expect(text).toContain('$comment rain_gauge is hub 2 "rain gauge" $end');
    const [, edges] = /\$comment (\d+) edges, \d+ gaps, \d+ changes came too late/.exec(text)!;
    // The signal ends printing first.
    expect(Number(edges)).toBeGreaterThanOrEqual(printed.length);
  });

  it.runIf(has('sigrok-cli'))('is read by sigrok-cli with the same levels', async () => {
    // Coarse: on a machine that is slow a dump may be long, and each sample is a line.
    const sampleNs = 20_000;
    const args = ['-i', path, '-I', `vcd:downsample=${sampleNs}`, '-O', 'csv:header=false:label=off'];
    const { stdout, stderr } = await promisify(execFile)('sigrok-cli', args, { maxBuffer: 1 << 28 });
    expect(stderr).toBe('');
    const rows = stdout.split('\n').filter((line) => /^[01](,[01])+$/.test(line));
    const { signals, endNs } = parseFile(path);
    expect(Math.abs(rows.length - endNs / sampleNs)).toBeLessThan(3);
    const column = [...signals.keys()].indexOf('DOOR');
    const edges = rows.filter((row, index) => index > 0 && row[2 * column] !== rows[index - 1][2 * column]);
    // sigrok has no x: it takes it for 0. Of several changes in a sample it shows the last.
    const sampleOf = (change: { atNs: number } | undefined) => Math.floor((change?.atNs ?? -1) / sampleNs);
    const levels = signals
      .get('DOOR')!
      .filter((change, index, all) => sampleOf(change) !== sampleOf(all[index + 1]))
      .filter((change) => sampleOf(change) < rows.length)
      .map(({ value }) => (value === '1' ? '1' : '0'));
    expect(edges).toHaveLength(
      levels.filter((value, index) => index > 0 && value !== levels[index - 1]).length,
    );
  });

  it('is a whole dump after SIGKILL, without the last moment', async () => {
    const killed = directory.join('killed.vcd');
    const program = start('--vcd', killed, '-q', '1');
    await filling(killed).finally(() => program.stop('SIGKILL'));
    expect(parseFile(killed).endNs).toBeGreaterThan(0);
    expect(program.stdout).toBe('');
  });

  it('ends at the moment of the signal, with what was sensed until then', async () => {
    const ended = directory.join('ended.vcd');
    const program = start('--vcd', ended, '1', '4');
    await filling(ended).catch((error) => program.stop().then(() => Promise.reject(error)));
    expect(await program.stop('SIGINT')).toBe('SIGINT');
    const { signals, endNs, comments } = parseFile(ended);
    const changes = signals.get('CLOCK')!;
    // IDLE has none, for which those of CLOCK wait half a second: at the end they wait no more.
    const printed = program.stdout.match(/^\d+\.\d{9}\t/gm)!.length;
    expect(changes.length).toBeGreaterThanOrEqual(printed);
    expect(endNs).toBeGreaterThanOrEqual(changes.at(-1)!.atNs);
    expect(comments.at(-1)).toMatch(/^\d+ edges, \d+ gaps/);
  });

  it('goes to standard output, instead of edges', async () => {
    const { status, stdout } = await mon('--vcd', '-', '-n', '50', '1');
    expect(status).toBe(0);
    expect(parse(stdout).signals.get('CLOCK')!.length).toBeGreaterThanOrEqual(50);
    expect(stdout).not.toContain('rising');
  });

  it('says what it cannot write, before and while it watches', async () => {
    expect(await mon('--vcd', '/nowhere/a.vcd', '1')).toEqual({
      status: 1,
      stdout: '',
      stderr: "gpiobridge mon: cannot write '/nowhere/a.vcd': no such directory\n",
    });
    const full = await mon('-q', '--vcd', '/dev/full', '1');
    expect(full).toEqual({
      status: 1,
      stdout: '',
      stderr: "gpiobridge mon: cannot write '/dev/full': no space left on the device; the dump ends here\n",
    });
  });
});

describe('mon --wave', () => {
  it('prints one frame at the end where standard output is no terminal', async () => {
    const env = { LC_ALL: 'C.UTF-8', TERM: 'xterm', COLUMNS: '80' };
    // Long enough that the edges are in it still, however late they come.
    const args = ['mon', ...at(), '--wave', '--wave-span', '5s', '-n', '500', 'DOOR', 'CLOCK', 'IDLE'];
    const { status, stdout, stderr } = await run(args, env);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^\P{Cc}*$/mu);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toBe('hub [gpiobridge-sim 1.0]');
    expect(lines[1]).toMatch(/^line +edges +rate +1 column = \S+ms$/);
    expect(lines[2]).toMatch(/^DOOR {3}[01] +\d+ +\d+\/s .*[╱╲│▒█]/u);
    expect(lines[3]).toMatch(/^CLOCK {2}[01] +\d+ +\d+(\.\d+)?k?\/s .*[▒█]/u);
    expect(lines[4]).toMatch(/^IDLE {3}0 +0 +0\/s .*▁$/u);
    expect(lines[5]).toMatch(/-\d+(\.\d+)?m?s.*now/);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('prints it with ASCII by locale, and after an idle timeout', async () => {
    const args = ['mon', ...at(), '--wave', '--idle-timeout', '200ms', 'IDLE'];
    const { status, stdout } = await run(args, { LC_ALL: 'C' });
    expect(status).toBe(0);
    expect(stdout).toMatch(/^IDLE {2}0 +0 +0\/s +_+$/m);
  });
});

describe('mon --wave on a terminal', () => {
  const view = `${process.execPath} ${MAIN} mon --wave --wave-span 1s -n 2000`;

  it.runIf(has('script'))('draws in place, not often, and gives the cursor back', async () => {
    const command = `stty cols 60 rows 8; ${view} ${at().join(' ')} DOOR CLOCK IDLE`;
    const env = { ...process.env, LC_ALL: 'C.UTF-8', TERM: 'xterm', SHELL: '/bin/sh' };
    const began = performance.now();
    const { stdout } = await promisify(execFile)('script', ['-qec', command, '/dev/null'], { env });
    const tenths = (performance.now() - began) / 100;
    expect(stdout.startsWith('\x1b[?25lhub [gpiobridge-sim 1.0]')).toBe(true);
    expect(stdout.endsWith('\x1b[?25h')).toBe(true);
    const frames = stdout.split('now').length - 1;
    expect(frames).toBeGreaterThan(2);
    expect(frames).toBeLessThan(tenths + 3);
    const lines = stdout.replace(/\p{Cc}(\[\??\d*[A-Za-z]|[78])/gu, '').split(/\r+\n/);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(60);
  });
});

describe('options that do not go together', () => {
  it.each([
    [['--wave-span', '1s'], '--wave-span is for --wave'],
    [['--ascii'], '--ascii is for --wave'],
    [['--wave', '--wave-span', '1us'], '--wave-span is out of range: give a period from 10us to 1440m'],
    [['--wave', '--json'], '--wave takes standard output: leave out --json'],
    [['--wave', '--vcd', '-'], '--wave takes standard output: leave out --vcd -'],
    [['--vcd', '-', '--banner'], '--vcd - takes standard output: leave out --banner'],
    [
      ['--vcd', 'file', '-e', 'rising'],
      '--vcd shows levels, which rising edges alone do not tell: leave out --edges',
    ],
  ])('%j', async (args, message) => {
    expect(await mon(...args, '1')).toEqual({
      status: 1,
      stdout: '',
      stderr: `gpiobridge mon: ${message}\n`,
    });
  });
});
