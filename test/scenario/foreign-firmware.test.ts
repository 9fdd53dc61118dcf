import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { built } from '../support/built.js';
import { eventually, Program, run, temporaryDirectory } from '../support/program.js';

const SCRIPT = fileURLToPath(new URL('../foreign/firmware.py', import.meta.url));
const hasPython = spawnSync('python3', ['--version']).status === 0;

/** Firmware that shares no code with this project: Python, written from docs/protocol.md alone. */
class ForeignFirmware {
  readonly said: Record<string, unknown>[] = [];
  readonly #process;

  constructor(socket: string, options: readonly string[]) {
    this.#process = spawn('python3', ['-u', SCRIPT, socket, ...options], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    createInterface({ input: this.#process.stdout }).on('line', (line) => this.said.push(JSON.parse(line)));
  }

  command(text: string): void {
    this.#process.stdin.write(`${text}\n`);
  }

  /** Waits until it says something that has all of this. */
  says(expected: Record<string, unknown>): Promise<true> {
    const matches = (line: Record<string, unknown>) =>
      Object.entries(expected).every(([key, value]) => line[key] === value);
    return eventually(
      () => (this.said.some(matches) ? true : undefined),
      () => `the firmware to say ${JSON.stringify(expected)}; it said ${JSON.stringify(this.said)}`,
    );
  }

  stop(): void {
    this.#process.kill();
  }
}

interface Event {
  readonly type: string;
  readonly lost: number | null;
  readonly edge: string;
  readonly seqno: number;
  readonly stamped_by: string;
}

describe.skipIf(!hasPython)('firmware in another language, written from docs/protocol.md', () => {
  const directory = temporaryDirectory();
  let firmware: ForeignFirmware;
  let programs: Program[] = [];
  let socketNumber = 0;
  let socket: string;

  beforeAll(built);
  afterAll(() => directory.remove());
  afterEach(async () => {
    for (const program of programs.reverse()) await program.stop('SIGTERM');
    programs = [];
    firmware.stop();
  });

  const at = () => ['--runtime-dir', directory.join('run')];
  const start = (...args: string[]): Program => {
    const program = new Program(args);
    programs.push(program);
    return program;
  };

  /** Firmware and a daemon that serves it as `mine`. */
  async function serve(...options: string[]): Promise<void> {
    socket = directory.join(`firmware-${++socketNumber}`);
    firmware = new ForeignFirmware(socket, options);
    await firmware.says({ listening: true });
    start('daemon', ...at(), '--link', `mine=unix:${socket}`);
    await eventually(async () => {
      const { stdout } = await run(['detect', ...at()]);
      return stdout.includes('mine [foreign-fw 0.1] (4 lines)') ? true : undefined;
    }, 'the chip');
  }

  const monitor = async (...args: string[]) => {
    const mon = start('mon', '--json', '--banner', ...at(), ...args);
    await mon.waitFor(/Monitoring/);
    return mon;
  };
  const eventsOf = (mon: Program): Event[] =>
    mon.stdout
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line));

  /** Waits until what was delivered and what was lost make so many. */
  const account = (mon: Program, sensed: number) =>
    eventually(
      () => {
        const events = eventsOf(mon);
        const delivered = events.filter(({ type }) => type === 'edge').length;
        const lost = events.reduce((sum, event) => sum + (event.lost ?? 0), 0);
        return delivered + lost === sensed ? { events, delivered, lost } : undefined;
      },
      () => `${sensed} edges in ${mon.stdout}${mon.stderr}`,
    );

  it('is described, read and driven', async () => {
    await serve();
    expect((await run(['info', ...at()])).stdout).toMatch(/"BUTTON".*\n.*"LAMP".*\n.*unnamed.*\n.*"VALVE"/);
    const holder = start('set', ...at(), '--banner', 'VALVE=1');
    await holder.waitFor(/Setting/);
    await firmware.says({ output: 3, level: 1 });
    firmware.command('edge 0');
    await firmware.says({ sensed: 0 });
    expect((await run(['get', ...at(), 'BUTTON', 'LAMP'])).stdout).toBe('"BUTTON"=active "LAMP"=inactive\n');
  });

  it.each([
    ['with everything', [], true],
    ['without EVENT_QUEUE', ['--no-queue'], false],
    ['on a line that damages bytes', ['--corrupt', '0.002'], true],
    ['PLAIN', ['--plain'], true],
  ])('delivers or counts every edge: %s', async (_what, options, keepsBursts) => {
    await serve(...options);
    const mon = await monitor('BUTTON');
    let sensed = 0;
    const burst = async (edges: number) => {
      firmware.command(`edges 0 ${edges}`);
      sensed += edges;
      return account(mon, sensed);
    };
    // Bursts that fit the firmware's memory, then one that cannot.
    for (let round = 0; round < 15; round++) {
      const { lost } = await burst(4);
      expect(lost > 0).toBe(!keepsBursts);
    }
    const { delivered } = await burst(200);
    const { events, lost } = await burst(1);
    expect(lost).toBeGreaterThan(100);
    expect(delivered).toBeGreaterThanOrEqual(keepsBursts ? 60 : 15);
    const edges = events.filter(({ type }) => type === 'edge');
    expect(edges.map(({ seqno }) => seqno)).toEqual(edges.map((_, index) => index + 1));
    expect(new Set(edges.map(({ stamped_by }) => stamped_by))).toEqual(new Set(['device']));
  });

  it('delivers edges without EVENT_STAMP, and says that it cannot count', async () => {
    await serve('--no-stamp');
    const mon = await monitor('BUTTON');
    firmware.command('edge 0');
    const [edge] = await eventually(() => (eventsOf(mon).length > 0 ? eventsOf(mon) : undefined), 'an edge');
    expect(edge).toMatchObject({ edge: 'rising', lost: null, stamped_by: 'host' });
  });

  it('refuses edges where there are no interrupts, and reads all the same', async () => {
    await serve('--no-irq');
    const { status, stderr } = await run(['mon', ...at(), 'BUTTON']);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/unable to request lines on chip 'mine'/)]);
    expect((await run(['get', ...at(), 'BUTTON'])).stdout).toBe('"BUTTON"=inactive\n');
  });

  it('is resumed after a broken connection, with its count', async () => {
    await serve();
    const mon = await monitor('BUTTON');
    firmware.command('edges 0 3');
    await account(mon, 3);
    firmware.command('break');
    firmware.command('edges 0 7');
    await firmware.says({ hello: true, resumed: true });
    firmware.command('edge 0');
    await account(mon, 11);
  });

  it('is set up again after a restart, with a gap of unknown size', async () => {
    await serve();
    const mon = await monitor('BUTTON');
    firmware.command('edge 0');
    await account(mon, 1);
    firmware.command('reboot');
    await eventually(
      () => eventsOf(mon).find(({ type, lost }) => type === 'gap' && lost === null),
      () => `a gap in ${mon.stdout}`,
    );
    firmware.command('edge 0');
    await eventually(
      () => (eventsOf(mon).filter(({ type }) => type === 'edge').length === 2 ? true : undefined),
      () => `a second edge in ${mon.stdout}`,
    );
  });
});
