import { type CoprocessorOptions, SimulatedCoprocessor } from '../../firmware-sim/index.js';
import { type Timeouts, timeouts } from '../../src/base/timeouts.js';
import type { RemoteBusOptions } from '../../src/driver/remote-bus.js';
import type { InterruptItem, RemoteGpio } from '../../src/driver/remote-gpio.js';
import { VirtioMsgBus } from '../../src/driver/virtio-msg/virtio-msg-bus.js';
import { type MemoryLink, memoryLinkPair } from '../../src/link/memory.js';
import { HandTime } from '../conformance/hand-time.js';
import { TappedLink } from './tapped-link.js';

/** Time moved by hand, with a host that can be suspended. */
export class SleepyTime extends HandTime {
  private slept = 0n;

  constructor() {
    super();
    this.now = 1_000_000_000n;
  }

  override boottimeNs = (): bigint => this.now + this.slept;

  /** The host sleeps: CLOCK_MONOTONIC and timers stand still, CLOCK_BOOTTIME runs on. */
  sleep(ms: number): void {
    this.slept += BigInt(Math.round(ms * 1e6));
  }
}

export interface RigOptions {
  readonly coprocessor?: CoprocessorOptions;
  readonly driver?: Partial<Pick<RemoteBusOptions, 'knownBootId' | 'onRestart'>>;
  readonly limits?: Partial<Timeouts>;
  readonly maxPacket?: number;
  readonly delivery?: 'reliable' | 'plain';
}

/** The driver on one end of a memory link, the simulated coprocessor on the other, time by hand. */
export class DriverRig {
  readonly logs: string[] = [];
  readonly coprocessor: SimulatedCoprocessor;
  bus: VirtioMsgBus;
  /** The driver's end, through which a test sees and changes what passes. */
  link!: TappedLink;
  private ends!: [MemoryLink, MemoryLink];

  constructor(
    private readonly options: RigOptions = {},
    readonly time: SleepyTime = new SleepyTime(),
  ) {
    this.coprocessor = new SimulatedCoprocessor({ seed: 1, ...options.coprocessor }, this.time);
    this.bus = this.newBus(options.driver?.knownBootId);
  }

  /** A driver that knows nothing but a boot_id, as after a restart of the daemon. */
  restartDriver(knownBootId: number): void {
    this.bus.close();
    this.bus = this.newBus(knownBootId);
  }

  /** Opens the port: both ends get a new link. */
  connect(prepare: (link: TappedLink) => void = () => {}): void {
    const { maxPacket, delivery } = this.options;
    this.ends = memoryLinkPair({ clock: this.time, ...(maxPacket === undefined ? {} : { maxPacket }) });
    this.link = new TappedLink(this.ends[0], delivery ?? 'reliable', () => this.time.now);
    prepare(this.link);
    this.coprocessor.attach(this.ends[1]);
    this.bus.attach(this.link);
  }

  /** Another board is plugged in. */
  adoptCoprocessor(other: DriverRig): void {
    this.ends = memoryLinkPair({ clock: this.time });
    this.link = new TappedLink(this.ends[0], 'reliable');
    other.coprocessor.attach(this.ends[1]);
    this.bus.attach(this.link);
  }

  /** The channel breaks and is up again at once; what was on its way is lost. */
  breakChannel(): void {
    this.ends[0].breakChannel();
  }

  /** Connects, and waits until every controller is up. */
  async up(): Promise<RemoteGpio> {
    this.connect();
    await this.until(() => this.bus.status.state.kind === 'up', 'the bus to be up');
    return this.first;
  }

  get first(): RemoteGpio {
    return [...this.bus.controllers.values()][0]!;
  }

  /** Collects what interrupts bring, from now on. */
  items(remote = this.first): InterruptItem[] {
    const items: InterruptItem[] = [];
    remote.interrupts$.subscribe((batch) => items.push(...batch.items));
    return items;
  }

  /** Lets everything that is ready run; time stands still. */
  async settle(turns = 3): Promise<void> {
    for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Moves time, letting what is ready run in between. */
  async advance(ms: number, stepMs = 5): Promise<void> {
    await this.settle();
    for (let at = 0; at < ms; at += stepMs) {
      this.time.advance(Math.min(stepMs, ms - at));
      await this.settle(2);
    }
  }

  /** Waits, without moving time, until a condition holds. */
  async until(condition: () => boolean, what: string): Promise<void> {
    for (let i = 0; i < 2_000; i++) {
      if (condition()) return;
      await this.settle(1);
    }
    throw new Error(`waited for ${what}: ${JSON.stringify(this.bus.status.state)}\n${this.logs.join('\n')}`);
  }

  async close(): Promise<void> {
    this.bus.close();
    await this.coprocessor.close();
    await this.link?.close();
  }

  private newBus(knownBootId?: number): VirtioMsgBus {
    return new VirtioMsgBus({
      name: 'hub',
      time: this.time,
      random: () => 0.5,
      timeouts: timeouts(this.options.limits),
      log: (level, message) => this.logs.push(`${level}: ${message}`),
      onRestart: this.options.driver?.onRestart ?? 'restore',
      ...(knownBootId === undefined ? {} : { knownBootId }),
    });
  }
}
