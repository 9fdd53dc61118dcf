import { afterEach, describe, expect, it } from 'vitest';
import { SimulatedCoprocessor } from '../../firmware-sim/index.js';
import { timeouts } from '../../src/base/timeouts.js';
import { AutoBus } from '../../src/driver/auto/auto-bus.js';
import { dialectOfService } from '../../src/driver/auto/dialect-finder.js';
import { DIALECTS, type Dialect, type MessageDialect } from '../../src/driver/dialect.js';
import type { PortLayout } from '../../src/driver/message-gpio/layout.js';
import type { RemoteGpio } from '../../src/driver/remote-gpio.js';
import { type MemoryLink, memoryLinkPair } from '../../src/link/memory.js';
import { encodeRpmsgGpioRequest, RPMSG_GPIO_CMD } from '../../src/wire/rpmsg-gpio.js';
import { HandTime } from '../conformance/hand-time.js';
import { HandLink, RacingFirmware, REFUSING_LINE } from './message-gpio/racing-firmware.js';

const PORT: PortLayout = { port: 0, lineCount: 8, names: ['A'], wakeup: new Set() };

class AutoRig {
  readonly time = new HandTime();
  readonly logs: string[] = [];
  readonly bus: AutoBus;
  remotes: ReadonlyMap<number, RemoteGpio> = new Map();
  readonly bootIds: number[] = [];
  private coprocessor: SimulatedCoprocessor | undefined;
  private link: MemoryLink | undefined;
  private far: MemoryLink | undefined;

  constructor(ports: readonly PortLayout[] = [PORT]) {
    this.time.now = 1_000_000_000n;
    this.bus = new AutoBus({
      name: 'hub',
      time: this.time,
      random: () => 0.5,
      timeouts: timeouts(),
      log: (level, message) => this.logs.push(`${level}: ${message}`),
      onRestart: 'restore',
      ports,
    });
    this.bus.controllers$.subscribe((remotes) => {
      this.remotes = remotes;
    });
    this.bus.bootId$.subscribe((bootId) => this.bootIds.push(bootId));
  }

  /** Another board is plugged in, with firmware of that dialect. */
  async connect(dialect: Dialect): Promise<void> {
    await this.link?.close();
    await this.coprocessor?.close();
    this.coprocessor = new SimulatedCoprocessor({ seed: 1, dialect, lines: 8 }, this.time);
    const [near, far] = memoryLinkPair({ clock: this.time });
    this.link = near;
    this.far = far;
    this.coprocessor.attach(far);
    this.bus.attach(near);
  }

  /** Other firmware runs on the same board: the port stays open, and its session begins anew. */
  async reflash(dialect: Dialect): Promise<void> {
    this.coprocessor!.detach();
    await this.coprocessor!.close();
    this.coprocessor = new SimulatedCoprocessor({ seed: 2, dialect, lines: 8 }, this.time);
    this.coprocessor.attach(this.far!);
    this.link!.breakChannel();
  }

  get status() {
    return this.bus.status;
  }

  async advance(ms: number, stepMs = 5): Promise<void> {
    for (let at = 0; at < ms; at += stepMs) {
      this.time.advance(stepMs);
      for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async until(condition: () => boolean, what: string, limitMs = 20_000): Promise<void> {
    for (let at = 0; at < limitMs; at += 5) {
      if (condition()) return;
      await this.advance(5);
    }
    throw new Error(`waited for ${what}: ${JSON.stringify(this.status.state)}\n${this.logs.join('\n')}`);
  }

  /** Firmware that neither hears nor says anything. */
  mute(isMute: boolean): void {
    if (isMute) this.coprocessor!.detach();
    else this.coprocessor!.attach(this.far!);
  }

  /** Lets time go on until it has settled. */
  async settled<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const done = (): void => {
      isSettled = true;
    };
    promise.then(done, done);
    await this.until(() => isSettled, 'an answer');
    return promise;
  }

  async close(): Promise<void> {
    this.bus.close();
    await this.link?.close();
    await this.coprocessor?.close();
  }
}

/** Firmware that takes its time, and refuses what it does not know. */
class RefusingFirmware {
  readonly of: RacingFirmware;
  private readonly take: (packet: Uint8Array) => void;

  constructor(
    rig: AutoRig,
    private readonly link: HandLink,
    dialect: MessageDialect,
    latency: number,
  ) {
    this.of = new RacingFirmware(rig.time, link, dialect, false, [latency], [0]);
    this.take = link.onSend;
  }

  listen(): void {
    const refused = encodeRpmsgGpioRequest({ cmd: RPMSG_GPIO_CMD.GET_VALUE, line: REFUSING_LINE, value: 0 });
    this.link.onSend = (packet) => this.take(packet.length === refused.length ? packet : refused);
  }
}

const rigs: AutoRig[] = [];
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.close();
});

function newRig(ports?: readonly PortLayout[]): AutoRig {
  const rig = new AutoRig(ports);
  rigs.push(rig);
  return rig;
}

describe('auto', () => {
  it.each(DIALECTS)('finds %s, and serves its lines', async (dialect) => {
    const rig = newRig();
    expect(rig.status.dialect).toBe('auto');
    await rig.connect(dialect);
    await rig.until(() => rig.status.state.kind === 'up', 'up');
    expect(rig.status.dialect).toBe(dialect);
    expect([...rig.remotes.values()].map(({ description }) => description)).toMatchObject([
      { dialect, lineCount: 8 },
    ]);
    const remote = [...rig.remotes.values()][0]!;
    const level = remote.getValue(1);
    await rig.advance(50);
    expect(await level).toBe(0);
    expect(rig.bootIds.at(-1) !== 0).toBe(dialect === 'virtio-msg');
  });

  it('follows when another board is plugged in, and keeps a board that comes back', async () => {
    const rig = newRig();
    await rig.connect('rpmsg-gpio');
    await rig.until(() => rig.status.state.kind === 'up', 'up');
    const first = [...rig.remotes.values()][0]!;
    await rig.connect('rpmsg-gpio');
    await rig.until(() => rig.status.state.kind === 'up', 'up again');
    expect([...rig.remotes.values()]).toEqual([first]);
    await rig.connect('virtio-msg');
    await rig.until(() => rig.status.state.kind === 'up' && rig.status.dialect === 'virtio-msg', 'the other');
    expect([...rig.remotes.values()]).not.toContain(first);
    expect(first.state.kind).toBe('down');
    await rig.connect('srtm');
    await rig.until(() => rig.status.state.kind === 'up' && rig.status.dialect === 'srtm', 'the third');
  });

  it.each([
    ['rpmsg-gpio', 'virtio-msg'],
    ['rpmsg-gpio', 'rpmsg-gpio-v14'],
    ['rpmsg-gpio-v14', 'srtm'],
    ['srtm', 'virtio-msg'],
    ['virtio-msg', 'rpmsg-gpio'],
  ] as const)(
    'asks anew when a board that spoke %s speaks %s, and the port stays open',
    async (before, after) => {
      const rig = newRig();
      await rig.connect(before);
      await rig.until(() => rig.status.state.kind === 'up', 'up');
      await rig.reflash(after);
      await rig.until(() => rig.status.dialect === after && rig.status.state.kind === 'up', 'the other');
      const level = [...rig.remotes.values()][0]!.getValue(1);
      await rig.advance(50);
      expect(await level).toBe(0);
    },
  );

  it('keeps its chips while firmware is silent for long, and goes on with them', async () => {
    const rig = newRig();
    await rig.connect('rpmsg-gpio');
    await rig.until(() => rig.status.state.kind === 'up', 'up');
    const before = [...rig.remotes.values()];
    rig.mute(true);
    await expect(rig.settled(before[0]!.getValue(1))).rejects.toMatchObject({ name: 'TIMEOUT' });
    await rig.advance(30_000);
    expect(rig.status.state.kind).toBe('greeting');
    rig.mute(false);
    await rig.until(() => rig.status.state.kind === 'up', 'up again');
    expect([...rig.remotes.values()]).toEqual(before);
    expect(await rig.settled(before[0]!.getValue(1))).toBe(0);
  });

  it('finds out when it took firmware for what it is not', async () => {
    const rig = newRig();
    const link = new HandLink(rig.time);
    const firmware = new RefusingFirmware(rig, link, 'rpmsg-gpio', 1);
    // An interrupt of line 0 that waited, and no answer: as one of version 14 looks.
    link.onSend = () => 0;
    rig.bus.attach(link);
    link.up();
    await rig.advance(600);
    link.deliver(Uint8Array.of(1, 0, 0));
    await rig.until(() => rig.status.dialect === 'rpmsg-gpio-v14', 'the wrong dialect');
    firmware.listen();
    await rig.until(() => rig.status.dialect === 'rpmsg-gpio' && rig.status.state.kind === 'up', 'the right');
    await link.close();
  });

  it.each(['rpmsg-gpio', 'rpmsg-gpio-v14'] as const)(
    'takes no answer of slow %s for another',
    async (dialect) => {
      for (const latency of [100, 170, 300, 520, 600, 900]) {
        const rig = newRig([{ ...PORT, lineCount: 3 }]);
        const link = new HandLink(rig.time);
        const firmware = new RefusingFirmware(rig, link, dialect, latency);
        firmware.listen();
        firmware.of.pins[1]!.level = 1;
        rig.bus.attach(link);
        link.up();
        await rig.until(() => rig.status.state.kind === 'up', 'up', 60_000);
        const remote = [...rig.remotes.values()][0]!;
        const levels = [];
        for (const line of [1, 2, 1, 2]) levels.push(await rig.settled(remote.getValue(line)));
        expect(levels, `${latency} ms`).toEqual([1, 0, 1, 0]);
        await link.close();
      }
    },
  );

  it('says what to add where the firmware does not describe its lines', async () => {
    const rig = newRig([]);
    await rig.connect('rpmsg-gpio-v14');
    await rig.until(() => rig.logs.some((line) => line.startsWith('error')), 'an error');
    const why = 'its firmware speaks rpmsg-gpio-v14, which does not describe its lines: add ngpio = N';
    expect(rig.logs.at(-1)).toContain(why);
    expect(rig.status.state).toMatchObject({ kind: 'greeting', why: expect.stringContaining(why) });
    expect(rig.remotes.size).toBe(0);
    await rig.connect('virtio-msg');
    await rig.until(() => rig.status.state.kind === 'up', 'up');
    expect(rig.status.dialect).toBe('virtio-msg');
  });

  it('refuses by name what the dialect that was found cannot do', async () => {
    const rig = newRig([{ ...PORT, wakeup: new Set([1]) }]);
    await rig.connect('rpmsg-gpio');
    await rig.until(() => rig.status.state.kind === 'up', 'up');
    expect(rig.logs).toContainEqual(expect.stringMatching(/^error: .*wakeup.*rpmsg-gpio/));
    const several = newRig([PORT, { ...PORT, port: 1 }]);
    await several.connect('rpmsg-gpio');
    await several.until(() => several.logs.some((line) => line.includes('has no ports')), 'a refusal');
    expect(several.remotes.size).toBe(0);
  });

  it('asks a service first in the dialect of its name, and says no HELLO when that is answered', async () => {
    const rig = newRig();
    const link = new HandLink(rig.time, 'rpmsg:rpmsg-io-channel');
    const seen: number[] = [];
    new RacingFirmware(rig.time, link, 'srtm', false, [1], [0]);
    const { onSend } = link;
    link.onSend = (packet) => {
      seen.push(packet[0]!);
      onSend(packet);
    };
    rig.bus.attach(link);
    link.up();
    await rig.until(() => rig.status.state.kind === 'up', 'up');
    expect(new Set(seen)).toEqual(new Set([5]));
    await link.close();
  });

  it('looks for a PLAIN device in each dialect again when one was found', async () => {
    const rig = newRig();
    await rig.connect('rpmsg-gpio');
    await rig.until(() => rig.status.state.kind === 'up', 'up');
    const kinds = Array.from({ length: 6 }, () =>
      Buffer.from(rig.bus.plainProbe()).toString('hex').slice(0, 4),
    );
    expect(kinds).toEqual(['0200', '0280', '0200', '0200', '0200', '0501']);
  });

  it('looks for a PLAIN device in each dialect in turn', () => {
    const rig = newRig();
    const kinds = Array.from({ length: 4 }, () =>
      Buffer.from(rig.bus.plainProbe()).toString('hex').slice(0, 4),
    );
    expect(kinds).toEqual(['0280', '0200', '0501', '0280']);
  });
});

it.each([
  ['rpmsg:rpmsg-io-channel', 'srtm'],
  ['rpmsg:rpmsg-io-25', 'rpmsg-gpio'],
  ['rpmsg:rpmsg-raw', undefined],
  ['unix:/tmp/rpmsg-io-channel', undefined],
])('takes the name %s for %s', (name, dialect) => {
  expect(dialectOfService(name)).toBe(dialect);
});
