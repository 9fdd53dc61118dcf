import { type ChildProcess, exec, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { built, MAIN } from '../support/built.js';
import { eventually } from '../support/program.js';

const shell = promisify(exec);

/** The demo in a process group of its own, as a terminal runs it. */
function startDemo(...args: string[]): {
  process: ChildProcess;
  output: () => string;
  ended: Promise<unknown>;
} {
  const demo = spawn(process.execPath, [MAIN, 'demo', ...args], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [demo.stdout, demo.stderr])
    stream.setEncoding('utf8').on('data', (text) => (output += text));
  const ended = new Promise((resolve) => demo.on('close', (code, signal) => resolve(code ?? signal)));
  return { process: demo, output: () => output, ended };
}

/** Processes of the group that still live. */
async function groupMembers(pgid: number): Promise<string[]> {
  const { stdout } = await shell(`ps -o pid= -g ${pgid}`).catch(() => ({ stdout: '' }));
  return stdout.split('\n').filter((line) => line.trim() !== '');
}

describe('the demo', () => {
  beforeAll(built);

  it('shows live edges and commands that work, and leaves nothing behind after Ctrl-C', async () => {
    const demo = startDemo();
    await eventually(
      () => /T\d\d:\d\d:\d\d\.\d{9} {2}hub \d {2}(rising|falling)\t\w+\n/.exec(demo.output()) ?? undefined,
      demo.output,
    );
    expect(demo.output()).toMatch(new RegExp(`^${new Date().getFullYear()}-`, 'm'));

    const commands = [...demo.output().matchAll(/^ {2}(\S*main\.js .*)$/gm)].map(([, command]) => command);
    const called = (name: string) =>
      commands.find((command) => command.includes(`main.js ${name} `)) as string;
    expect((await shell(called('info'))).stdout).toMatch(/"DOOR" .*consumer="gpiomon"/);
    expect((await shell(called('get'))).stdout).toMatch(/^"BUTTON"=(in)?active\n$/);
    expect((await shell(called('status'))).stdout).toMatch(/reliable delivery/);
    // The way a user does it: set in one terminal, look at the pin in another.
    const set = shell(`timeout 20 ${called('set')}`).catch(() => undefined);
    await eventually(
      async () => ((await shell(called('pin'))).stdout.includes('1') ? true : undefined),
      'the pin',
    );

    const directory = /removes (\S+)\./.exec(demo.output())?.[1] as string;
    expect(existsSync(directory)).toBe(true);
    process.kill(-(demo.process.pid as number), 'SIGINT');
    expect(await demo.ended).toBe(0);
    expect(existsSync(directory)).toBe(false);
    expect(await groupMembers(demo.process.pid as number)).toEqual([]);
    expect(demo.output()).not.toMatch(/gpiobridge mon:| ended \(/);
    await set;
  });

  it('prints nothing but events as JSON, and ends by SIGTERM', async () => {
    const demo = startDemo('--json');
    await eventually(() => (demo.output().includes('"edge"') ? true : undefined), demo.output);
    demo.process.kill('SIGTERM');
    expect(await demo.ended).toBe(0);
    for (const line of demo.output().trimEnd().split('\n')) expect(JSON.parse(line).type).toBe('edge');
    expect(await groupMembers(demo.process.pid as number)).toEqual([]);
  });

  it('ends when the process that started it is gone', async () => {
    const parent = spawn('sh', ['-c', `${process.execPath} ${MAIN} demo --json & echo $!; wait`], {
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let output = '';
    parent.stdout.setEncoding('utf8').on('data', (text) => (output += text));
    await eventually(
      () => (output.includes('"edge"') ? true : undefined),
      () => output,
    );
    parent.kill('SIGKILL');
    await eventually(
      async () => ((await groupMembers(parent.pid as number)).length === 0 ? true : undefined),
      'the end of every process',
    );
  });
});
