import {
  type CoprocessorOptions,
  type Fault,
  parseFault,
  SimulatedCoprocessor,
} from '../../firmware-sim/index.js';
import { type Timeouts, timeouts } from '../../src/base/timeouts.js';
import type { Dialect } from '../../src/driver/dialect.js';
import { newBus } from '../../src/driver/new-bus.js';
import type { RemoteBus } from '../../src/driver/remote-bus.js';
import type { Level, RemoteGpio } from '../../src/driver/remote-gpio.js';
import type { LineEvent } from '../../src/events/edge-event.js';
import type { LineConfig, LineRequest } from '../../src/gpio/chip.js';
import { CoprocessorChip } from '../../src/gpio/coprocessor-chip.js';
import { openLink } from '../../src/link/open.js';
import type { PacketLink } from '../../src/link/packet-link.js';
import { systemTime } from '../../src/linux/clock.js';
import { EdgeTruth } from './edge-truth.js';
import { STEP_MS } from './limits.js';
import { eventually, temporaryDirectory } from './program.js';

/** How firmware and driver are connected: messages, or a serial link with and without sessions. */
export const RIG_PORTS = ['seqpacket', 'pty', 'pty, PLAIN'] as const;
export type RigPort = (typeof RIG_PORTS)[number];

export interface DialectRigOptions {
  readonly dialect: Dialect;
  /** What the driver is told of the dialect; the same by default. */
  readonly driver?: 'auto';
  readonly port: RigPort;
  readonly coprocessor?: CoprocessorOptions;
  /** Limits other than the rig's. */
  readonly limits?: Partial<Timeouts>;
}

export const BOTH: LineConfig = {
  direction: 'input',
  edges: 'both',
  activeLow: false,
  eventClock: 'monotonic',
};

/** Lines of a request, and all that came of them. */
export interface Watched {
  readonly request: LineRequest;
  readonly events: LineEvent[];
}

/** Long where nothing is to run out on a busy machine, short where something is waited for. */
const LIMITS: Partial<Timeouts> = {
  request: 5_000,
  hello: 100,
  hello_max: 200,
  reply_settle: 50,
  reopen_min: 10,
  plain_event_silence: 200,
};
const REOPEN_MS = 20;

/** Firmware of a dialect, its driver and its chips, in this process, over a real port. */
export class DialectRig {
  readonly coprocessor: SimulatedCoprocessor;
  readonly truth = new EdgeTruth(() => systemTime.monotonicNs());
  readonly logs: string[] = [];
  bus: RemoteBus;
  private readonly directory = temporaryDirectory();
  private readonly chips = new Map<number, CoprocessorChip>();
  private link: PacketLink | undefined;
  private stopped = false;

  private constructor(private readonly options: DialectRigOptions) {
    const { dialect, port, coprocessor } = options;
    this.coprocessor = new SimulatedCoprocessor({
      dialect,
      lines: 32,
      seed: 1,
      plain: port === 'pty, PLAIN',
      ...coprocessor,
    });
    this.bus = this.newBus();
  }

  /** All of it, up. */
  static async start(options: DialectRigOptions): Promise<DialectRig> {
    const rig = new DialectRig(options);
    const kind = options.port === 'seqpacket' ? 'seqpacket' : 'pty';
    await rig.coprocessor.listen(`${kind}:${rig.directory.join('hub')}`);
    rig.open();
    await rig.up();
    return rig;
  }

  /** The chip of a port. */
  chip(port = 0): CoprocessorChip {
    const known = this.chips.get(port);
    if (known !== undefined) return known;
    const chip = new CoprocessorChip({
      name: `hub.${port}`,
      remote: this.controllers.get(port)!,
      clock: systemTime,
      timers: systemTime,
      startingMs: 2_000,
      onRestart: 'restore',
    });
    this.chips.set(port, chip);
    return chip;
  }

  /** Of the driver, by port. */
  get controllers(): ReadonlyMap<number, RemoteGpio> {
    let controllers: ReadonlyMap<number, RemoteGpio> = new Map();
    this.bus.controllers$.subscribe((present) => (controllers = present)).unsubscribe();
    return controllers;
  }

  /** The driver dies, and another one that knows nothing opens the port. */
  async restartDriver(): Promise<void> {
    this.chips.clear();
    const { bus, link } = this;
    this.bus = this.newBus();
    bus.close();
    await link?.close();
    await this.up();
  }

  async request(
    offsets: readonly number[],
    config: LineConfig | readonly LineConfig[],
    port = 0,
  ): Promise<LineRequest> {
    return this.chip(port).requestLines({ consumer: 'test', offsets, config });
  }

  /** Both edges of these lines, from now on. */
  async watch(offsets: readonly number[], port = 0): Promise<Watched> {
    const request = await this.request(offsets, BOTH, port);
    const events: LineEvent[] = [];
    request.events$.subscribe((batch) => events.push(...batch));
    return { request, events };
  }

  /** The world makes a line have this level. */
  drive(line: number, level: Level): void {
    this.truth.made(line, level);
    this.coprocessor.drive(line, level);
  }

  fault(...specs: readonly string[]): void {
    for (const fault of specs.map((spec): Fault => parseFault(spec))) this.coprocessor.setFault(fault);
  }

  up(): Promise<true> {
    return this.until(() => this.bus.status.state.kind === 'up', 'the bus to be up');
  }

  until(condition: () => boolean, what: string | (() => string), limitMs?: number): Promise<true> {
    return eventually(
      () => condition() || undefined,
      () => `${typeof what === 'string' ? what : what()}\n${this.describe()}`,
      limitMs,
    );
  }

  /** What comes of it when it does not run out of time, and of the link. */
  async answered<T>(ask: () => Promise<T>, limitMs = STEP_MS): Promise<T> {
    for (const deadline = Date.now() + limitMs; ; ) {
      try {
        return await ask();
      } catch (thrown) {
        const { name } = thrown as Error;
        if ((name !== 'TIMEOUT' && name !== 'LINK_DOWN') || Date.now() > deadline) throw thrown;
        await pause(20);
      }
    }
  }

  /** Waits until events say all that can be said of these lines; whatever is wrong then. */
  async judged({ events }: Watched, lines: readonly number[], limitMs = STEP_MS): Promise<string[]> {
    const deadline = Date.now() + limitMs;
    for (;;) {
      const wrong = this.truth.violations(events, lines, true);
      if (wrong.length === 0 || Date.now() > deadline) return wrong;
      await pause(20);
    }
  }

  describe(): string {
    const { state, counters } = this.bus.status;
    const { boots, total, bus, wire } = this.coprocessor.stats();
    const sim = { boots, total, bus: withoutZeros(bus), wire: withoutZeros(wire) };
    const driver = { state, counters: withoutZeros(counters), link: this.link?.state };
    return JSON.stringify({ driver, sim, logs: this.logs.slice(-20) });
  }

  async stop(): Promise<void> {
    this.stopped = true;
    for (const chip of this.chips.values()) chip.close('the end');
    this.bus.close();
    await this.link?.close();
    await this.coprocessor.close();
    this.directory.remove();
  }

  private newBus(): RemoteBus {
    const { lines, controllers } = this.coprocessor.options;
    const ports = Array.from({ length: controllers }, (_, port) => ({
      port,
      lineCount: lines,
      names: [],
      wakeup: new Set<number>(),
    }));
    return newBus(this.options.driver ?? this.options.dialect, ports, {
      name: 'hub',
      time: systemTime,
      random: Math.random,
      timeouts: this.limits,
      log: (level, message) => this.logs.push(`${level}: ${message}`),
      onRestart: 'restore',
    });
  }

  private get limits(): Timeouts {
    return timeouts({ ...LIMITS, ...this.options.limits });
  }

  /** Opens the port now, and again whenever it is gone, as a daemon does. */
  private open(): void {
    if (this.stopped) return;
    const path = this.directory.join('hub');
    const { port } = this.options;
    const mode = port === 'pty, PLAIN' ? '?mode=plain' : '';
    const url = port === 'seqpacket' ? `seqpacket:${path}` : `serial:${path}${mode}`;
    const link = openLink(url, {
      time: systemTime,
      random: Math.random,
      timeouts: this.limits,
      plainProbe: () => this.bus.plainProbe(),
    });
    this.link = link;
    this.bus.attach(link);
    link.state$.subscribe((state) => {
      if (state.kind === 'down') setTimeout(() => this.open(), REOPEN_MS);
    });
  }
}

function withoutZeros(counters: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counters).filter(([, count]) => count > 0));
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
