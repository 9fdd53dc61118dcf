import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiBench, apiBench } from '../support/api-bench.js';
import { backgroundProcesses } from '../support/background.js';
import { built } from '../support/built.js';
import { eventually, run } from '../support/program.js';
import { MAIN } from '../support/root.js';

/** `set --daemonize`, and `set --interactive` where a person types. */
let bench: ApiBench;
beforeAll(async () => {
  await built();
  bench = await apiBench(8);
});
afterAll(() => bench.close());

const env = () => ({ GPIOBRIDGE_RUNTIME_DIR: bench.layout.dir });

describe('set --daemonize', () => {
  it('returns when the lines are set, and leaves a process that holds them', async () => {
    const result = await run(['set', '-z', '--banner', '--json', 'L1=1', 'L2=0'], env());
    expect(result).toEqual({
      status: 0,
      stdout:
        '{"type":"value","chip":"hub","offset":1,"name":"L1","value":1}\n' +
        '{"type":"value","chip":"hub","offset":2,"name":"L2","value":0}\n' +
        "Setting lines 'L1', and 'L2'...\n",
      stderr: '',
    });
    expect([bench.remote.levels[1], bench.remote.directions[1]]).toEqual([1, 'output']);
    const found = backgroundProcesses(bench.layout.dir, 'gpiobridge set');
    expect(found).toEqual([
      { pid: expect.any(Number), title: 'gpiobridge set L1=1 L2=0', cwd: '/', sessionId: found[0]?.pid },
    ]);
    process.kill(found[0]!.pid, 'SIGTERM');
    await eventually(() => (bench.remote.directions[1] === 'none' ? true : undefined), 'line 1 to be free');
  });

  it('toggles in the background, and ends with its sequence', async () => {
    const levels: number[] = [];
    const following = bench.remote.set$.subscribe(({ line, level }) => line === 3 && levels.push(level));
    expect((await run(['set', '-z', '-t', '200ms,0', 'L3=1'], env())).status).toBe(0);
    // It may have been toggled already; but it is set when the command returns.
    expect(levels[0]).toBe(1);
    await eventually(() => (levels.length >= 2 ? true : undefined), 'line 3 to be toggled');
    const gone = () =>
      backgroundProcesses(bench.layout.dir, 'gpiobridge set').length === 0 ? true : undefined;
    await eventually(gone, 'its end');
    following.unsubscribe();
    expect(levels).toEqual([1, 0]);
  });

  it('fails as the command does, and leaves nothing', async () => {
    expect(await run(['set', '-z', 'NOPE=1', 'L1=1', 'NADA=0'], env())).toEqual({
      status: 1,
      stdout: '',
      stderr: "gpiobridge set: cannot find line 'NOPE'\ngpiobridge set: cannot find line 'NADA'\n",
    });
    expect((await run(['set', '-z', '--runtime-dir', '/nowhere', 'L1=1'])).stderr).toMatch(
      /^gpiobridge set: no gpiobridge daemon answers; tried \/nowhere/,
    );
    expect(backgroundProcesses(bench.layout.dir, 'gpiobridge set')).toEqual([]);
  });
});

describe('set --interactive', () => {
  it('completes, remembers and obeys on a terminal, and takes Ctrl-C for the signal', async () => {
    const inner = `${process.execPath} ${MAIN} set -i L4=1 L5=0`;
    // script(1) is the terminal.
    const terminal = spawn('script', ['-qefc', inner, '/dev/null'], {
      env: { ...process.env, ...env(), TERM: 'xterm' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => terminal.on('exit', (code, signal) => resolve(code ?? signal)));
    let shown = '';
    terminal.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
    });
    const shows = (pattern: RegExp) =>
      eventually(
        () => (pattern.test(shown) ? true : undefined),
        () => shown,
      );
    await shows(/gpioset> /);
    terminal.stdin.write('tog');
    await shows(/tog$/);
    terminal.stdin.write('\t');
    await shows(/toggle $/);
    terminal.stdin.write('L5\r');
    await eventually(
      () => (bench.remote.levels[5] === 1 ? true : undefined),
      () => shown,
    );
    // Up: the same line again.
    terminal.stdin.write('\x1b[A\r');
    await eventually(
      () => (bench.remote.levels[5] === 0 ? true : undefined),
      () => shown,
    );
    terminal.stdin.write('get\r');
    await shows(/"L4"=active "L5"=inactive/);
    terminal.stdin.write('\x03');
    expect(await ended).toBe(130);
    expect(bench.remote.directions[4]).toBe('none');
  });

  it('obeys a pipe, and ends with it', async () => {
    const pipe = spawn(process.execPath, [MAIN, 'set', '-i', 'L4=1'], {
      env: { ...process.env, ...env() },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let shown = '';
    pipe.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
    });
    pipe.stdin.end('get\nnonsense\nset L4=0\nget');
    expect(await new Promise((resolve) => pipe.on('close', resolve))).toBe(0);
    expect(shown).toBe(
      `gpioset> "L4"=active\ngpioset> unknown command: 'nonsense'\nTry the 'help' command\ngpioset> gpioset> "L4"=inactive\ngpioset> `,
    );
  });
});
