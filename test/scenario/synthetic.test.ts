import { existsSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { askControl } from '../../firmware-sim/control-client.js';
import type { BridgeClient } from '../../src/api/client/types.js';
import type { SyntheticDescription } from '../../src/gpio/synthetic/description.js';
import { OUTPUT } from '../contract/chip.js';
import { built } from '../support/built.js';
import { Chain } from '../support/chain.js';
import { eventually, Program } from '../support/program.js';

/** Synthetic chips as users have them: the programs, a simulated coprocessor on a socket. */
let chain: Chain;
let client: BridgeClient;
const running: Program[] = [];
/** Commands whose maker may be gone before them. */
const commands: number[] = [];

beforeAll(built);
beforeEach(async () => {
  chain = new Chain({ port: 'unix' });
  await chain.chip();
  client = await chain.client();
});
afterEach(async () => {
  // Their output is that of the programs that started them, which end with it.
  for (const pid of commands.splice(0)) endQuietly(pid);
  await Promise.allSettled(running.splice(0).map((program) => program.stop('SIGKILL')));
  await chain.stop();
});

function started(args: readonly string[], stdin: 'ignore' | 'pipe' = 'ignore'): Program {
  const program = new Program(args, { GPIOBRIDGE_RUNTIME_DIR: chain.runtimeDir }, { stdin });
  running.push(program);
  return program;
}

async function tool(...args: string[]) {
  const program = started(args);
  const status = await program.exit();
  return { status, stdout: program.stdout, stderr: program.stderr };
}

const DONE = { status: 0, stdout: '', stderr: '' };
const pin = (line: number) => askControl(chain.control, { command: 'pin', line, controller: 1 });
const socketOf = (chip: string) => `${chain.runtimeDir}/chips/${chip}`;

/** A command that says its pid and then sits there. */
const SITS = ['sh', '-c', 'echo pid=$$; exec sleep 60'];
async function pidOf(program: Program): Promise<number> {
  const pid = Number((await program.waitFor(/pid=(\d+)\n/))[1]);
  commands.push(pid);
  return pid;
}

function endQuietly(pid: number): void {
  try {
    process.kill(pid);
  } catch {
    // It has ended.
  }
}

describe('gpiobridge chip', () => {
  it('makes a chip for all the tools', async () => {
    expect(await tool('chip', 'new', 'door', 'hub:25', 'hub:4=sensor', '--mode', '0600')).toEqual(DONE);
    expect((await tool('detect', 'door')).stdout).toBe('door [synthetic, of hub] (2 lines)\n');
    const monitor = started([
      'mon',
      '-c',
      'door',
      '--banner',
      '-n',
      '1',
      '--format',
      '%c %o %l %E',
      'sensor',
    ]);
    await monitor.waitFor(/Monitoring/);
    expect((await tool('info', '-c', 'hub', '4')).stdout).toContain(' consumer="gpiomon" chip="door"\n');
    await askControl(chain.control, { command: 'drive', line: 4, controller: 1, level: 1 });
    expect(await monitor.exit()).toBe(0);
    expect(monitor.stdout).toMatch(/\ndoor 1 sensor rising\n$/);
    const holder = started(['set', '-c', 'door', '--banner', '0=1']);
    await holder.waitFor(/Setting/);
    expect(await pin(25)).toMatchObject({ direction: 'output', level: 1 });
    expect(await tool('get', '-c', 'hub', '25')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("is in use by 'gpioset' through synthetic chip 'door'"),
    });
    expect(await tool('chip', 'delete', 'door')).toEqual(DONE);
    expect(await pin(25)).toMatchObject({ direction: 'none' });
    expect((await tool('chip', 'list')).stdout).toBe('');
  });

  it("reads the kernel aggregator's syntax from standard input", async () => {
    const { name } = await (await chain.chip()).lineInfo(20);
    const program = started(['chip', 'new', 'agg', '-'], 'pipe');
    program.process.stdin!.end(`hub 19 ${name} hub 22,3-4\n`);
    expect([await program.exit(), program.stderr]).toEqual([0, '']);
    const lines = await client.synthetic.lines('agg');
    expect(lines.map(({ parentOffset }) => parentOffset)).toEqual([19, 20, 3, 4, 22]);
    const unknown = started(['chip', 'new', 'x', '-'], 'pipe');
    unknown.process.stdin!.end('NOPE hub 1\n');
    expect([await unknown.exit(), unknown.stderr]).toEqual([1, "gpiobridge chip: cannot find line 'NOPE'\n"]);
  });

  it('runs a command that has a chip as long as it lives, and ends as that does', async () => {
    const info = await tool('chip', 'run', 'r', 'hub:3', '--', process.execPath, '-p', '1+1');
    expect(info).toEqual({ status: 0, stdout: '2\n', stderr: '' });
    expect((await tool('chip', 'run', 'r', 'hub:3', '--', 'sh', '-c', 'exit 7')).status).toBe(7);
    expect((await tool('chip', 'run', 'r', 'hub:3', '--', 'sh', '-c', 'kill -USR1 $$')).status).toBe(
      'SIGUSR1',
    );
    expect(await tool('chip', 'run', 'r', 'hub:3', '--', '/no/such')).toEqual({
      status: 127,
      stdout: '',
      stderr: 'gpiobridge chip: /no/such: command not found\n',
    });
    expect(await tool('chip', 'run', 'r', 'hub:3', '--', chain.port)).toMatchObject({
      status: 126,
      stderr: `gpiobridge chip: ${chain.port}: permission denied\n`,
    });
    expect((await tool('chip', 'run', 'r', 'hub:3')).stderr).toMatch(
      /^gpiobridge chip: the command is missing/,
    );
    expect(existsSync(socketOf('r'))).toBe(false);
  });

  it('tells the command where the daemon is, wherever that goes', async () => {
    const at = ['--runtime-dir', relative(process.cwd(), chain.runtimeDir)];
    const program = started([
      'chip',
      'run',
      ...at,
      'r',
      'hub:3',
      '--',
      'sh',
      '-c',
      'cd / && echo $GPIOBRIDGE_RUNTIME_DIR',
    ]);
    expect([await program.exit(), program.stdout]).toEqual([0, `${chain.runtimeDir}\n`]);
  });

  it('passes signals on to the command it runs', async () => {
    const traps = 'trap "echo got; exit 3" TERM INT; echo ready; while :; do sleep 0.05; done';
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const program = started(['chip', 'run', 'r', 'hub:3', '--', 'sh', '-c', traps]);
      await program.waitFor(/ready/);
      expect(existsSync(socketOf('r'))).toBe(true);
      expect(await program.stop(signal)).toBe(3);
      expect(program.stdout).toBe('ready\ngot\n');
      expect(existsSync(socketOf('r'))).toBe(false);
    }
  });

  it('says when the daemon goes before the command', async () => {
    const program = started(['chip', 'run', 'r', 'hub:3', '--', ...SITS]);
    const pid = await pidOf(program);
    await chain.daemon.stop('SIGKILL');
    await program.waitFor(/gpiobridge chip: the chip is gone: /);
    process.kill(pid);
    expect(await program.exit()).toBe('SIGTERM');
  });
});

describe('a maker that is killed', () => {
  it('leaves nothing behind, within a tenth of a second', async () => {
    const took: number[] = [];
    const exchanges: number[] = [];
    for (let i = 0; i < KILLS; i++) {
      // Of its own: what is logged again and again under one name is left out.
      const name = `r${i}`;
      const maker = started(['chip', 'run', name, 'hub:24', '--', ...SITS]);
      await pidOf(maker);
      const chip = await client.openChip(name);
      const request = await chip.requestLines({
        consumer: 'x',
        offsets: [0],
        config: { ...OUTPUT, value: 1 },
      });
      expect(await pin(24)).toMatchObject({ direction: 'output', level: 1 });
      const asked = performance.now();
      await request.getValues();
      exchanges.push(performance.now() - asked);
      const killed = Date.now();
      maker.process.kill('SIGKILL');
      await eventually(() => (existsSync(socketOf(name)) ? undefined : true), 'the chip to be gone');
      // The name goes first; the line is free once it was given back to the coprocessor.
      await eventually(
        () => makeUnlessBusy({ name: 'next', lines: ['hub:24'], shared: false }),
        'a free line',
      );
      const removal = await eventually(() => removedAt(name), 'the removal in the log');
      took.push(removal - killed);
      expect(await pin(24)).toMatchObject({ direction: 'none' });
      expect(await ends(request.events())).toBe(`chip '${name}': its maker is gone`);
      await client.synthetic.delete('next');
    }
    // From the kill until the daemon says that the chip is gone and its lines are free: when this
    // process gets round to looking does not count. On the way the maker, the daemon and the simulator
    // each have to get the processor, as they have to for reading a line, which takes next to nothing:
    // where it takes long, that is the machine's time and not the daemon's.
    expect(median(took) - 3 * median(exchanges)).toBeLessThan(100);
  });
});

const KILLS = 7;

/** When the daemon said that a chip is gone, ms since 1970. */
function removedAt(chip: string): number | undefined {
  const line = chain.daemon.stderr.match(
    new RegExp(`^ts=(\\S+) level=info event=chip_removed chip=${chip} `, 'm'),
  );
  return line === null ? undefined : Date.parse(line[1]!);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

async function makeUnlessBusy(description: SyntheticDescription): Promise<true | undefined> {
  try {
    await client.synthetic.make(description);
    return true;
  } catch (error) {
    if ((error as Error).name !== 'BUSY') throw error;
    return undefined;
  }
}

async function ends(
  events: AsyncIterable<readonly { readonly type: string }[]>,
): Promise<string | undefined> {
  let last: { readonly type: string; readonly reason?: string } | undefined;
  for await (const batch of events) last = batch.at(-1);
  return last?.type === 'ended' ? last.reason : undefined;
}

describe('other firmware', () => {
  it('keeps the lines that it still has, and says which it has not', async () => {
    await client.synthetic.make({ name: 'door', lines: ['hub:3', 'hub:25-28', 'hub:30=x'], shared: false });
    const monitor = started(['mon', '-c', 'door', '0', '--banner']);
    await monitor.waitFor(/Monitoring/);
    await chain.sim.stop();
    chain.sim = new Program([
      'sim',
      '--listen',
      `unix:${chain.port}`,
      '--control',
      chain.control,
      '--lines',
      '27',
    ]);
    running.push(chain.sim);
    await monitor.waitFor(/chip door is up/);
    expect((await tool('chip', 'list')).stdout).toMatch(
      /^CHIP .*\ndoor {2}up .*\n {2}door: line 3: chip 'hub' has no line 27 now\n {2}door: line 4: .* 28 now\n {2}door: line 5: .* 30 now\n$/s,
    );
    await chain.daemon.waitFor(
      /level=warn event=lines_missing chip=door lines=3,4,5 reason="chip 'hub' has no line 27 now"/,
    );
    await askControl(chain.control, { command: 'drive', line: 3, controller: 1, level: 1 });
    await monitor.waitFor(/rising/);
    expect((await tool('get', '-c', 'door', '1')).status).toBe(0);
    expect(await tool('get', '-c', 'door', '5')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(
        "line 5 of chip 'door' cannot be used: its coprocessor has no such line now",
      ),
    });
  });
});

describe('chips of the configuration', () => {
  it('are there before their coprocessor, and change with a reload without touching others', async () => {
    const file = chain.directory.join('gb.toml');
    const write = (...chips: string[]) =>
      writeFileSync(file, `[[coprocessor]]\nname = "hub"\nlink = "unix:${chain.port}"\n${chips.join('')}`);
    const chip = (name: string, ...lines: string[]) =>
      `[[synthetic]]\nname = "${name}"\nlines = ${JSON.stringify(lines)}\n`;
    await Promise.all([chain.daemon.stop(), chain.sim.stop()]);
    write(chip('door', 'hub:3'), chip('lamp', 'hub:4'));
    chain.daemon = new Program(['daemon', '--runtime-dir', chain.runtimeDir, '--config', file]);
    await chain.daemon.waitFor(/event=ready/);
    client = await chain.client();
    expect(await client.chips()).toEqual(['door', 'lamp']);
    expect(await (await client.openChip('door')).info()).toMatchObject({ lines: 1, state: { kind: 'down' } });
    expect((await tool('chip', 'list')).stdout).toMatch(
      /door {2}down .*\n {2}door: line 0: there is no chip 'hub' now\n/s,
    );
    chain.startSim();
    await chain.chip('lamp');
    const lamp = await (await client.openChip('lamp')).requestLines({
      consumer: 'x',
      offsets: [0],
      config: { ...OUTPUT, value: 1 },
    });
    await client.synthetic.make({ name: 'mine', lines: ['hub:7'], shared: false });
    await expect(client.synthetic.delete('door')).rejects.toMatchObject({ name: 'NOT_SUPPORTED' });

    write(chip('door', 'hub:3', 'hub:5'), chip('lamp', 'hub:4'), chip('new', 'hub:6'));
    chain.daemon.process.kill('SIGHUP');
    await chain.daemon.waitFor(/event=reloaded/);
    const listed = async () => (await client.synthetic.list()).map(({ name, lines }) => [name, lines.length]);
    expect(Object.fromEntries(await listed())).toEqual({ door: 2, lamp: 1, mine: 1, new: 1 });
    expect(await lamp.getValues()).toEqual([1]);

    write(chip('mine', 'hub:8'));
    chain.daemon.process.kill('SIGHUP');
    await chain.daemon.waitFor(
      /event=not_reloaded .*chip 'mine', made at run time: is in the configuration as well/,
    );
    expect(Object.fromEntries(await listed())).toEqual({ door: 2, lamp: 1, mine: 1, new: 1 });
  });
});
