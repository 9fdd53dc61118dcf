import { timeouts } from '../../../src/base/timeouts.js';
import type { MessageDialect } from '../../../src/driver/dialect.js';
import { MessageBus } from '../../../src/driver/message-gpio/message-bus.js';
import type { InterruptItem, RemoteGpio } from '../../../src/driver/remote-gpio.js';
import { HandTime } from '../../conformance/hand-time.js';
import { HandLink } from './racing-firmware.js';

export interface MessageRigOptions {
  readonly dialect: MessageDialect;
  readonly onRestart?: 'restore' | 'release';
  readonly ports?: readonly number[];
  readonly wakeup?: readonly number[];
}

/** The driver of a dialect of messages on a link driven by hand, in time moved by hand. */
export class MessageRig {
  readonly time = new HandTime();
  readonly logs: string[] = [];
  readonly bus: MessageBus;
  readonly items: InterruptItem[] = [];
  /** What interrupts brought, with the arrival in ms. */
  readonly told: { item: InterruptItem; atMs: number }[] = [];
  link: HandLink;
  remotes: ReadonlyMap<number, RemoteGpio> = new Map();

  constructor({ dialect, onRestart = 'restore', ports = [0], wakeup = [] }: MessageRigOptions) {
    this.time.now = 1_000_000_000n;
    this.link = new HandLink(this.time);
    this.bus = new MessageBus({
      name: 'hub',
      time: this.time,
      random: () => 0.5,
      timeouts: timeouts(),
      log: (level, message) => this.logs.push(`${level}: ${message}`),
      onRestart,
      dialect,
      ports: ports.map((port) => ({ port, lineCount: 8, names: [], wakeup: new Set(wakeup) })),
    });
    this.bus.controllers$.subscribe((remotes) => {
      for (const [port, remote] of remotes) {
        if (this.remotes.has(port)) continue;
        remote.interrupts$.subscribe(({ items, arrivedNs }) => {
          this.items.push(...items);
          for (const item of items) this.told.push({ item, atMs: Number(arrivedNs) / 1e6 });
        });
      }
      this.remotes = remotes;
    });
  }

  get remote(): RemoteGpio {
    return [...this.remotes.values()][0]!;
  }

  /** Uses a new link, as after the port was opened again. */
  reconnect(): void {
    this.link = new HandLink(this.time);
    this.bus.attach(this.link);
  }

  async settle(turns = 2): Promise<void> {
    for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
  }

  async advance(ms: number, stepMs = 1): Promise<void> {
    await this.settle();
    for (let at = 0; at < ms; at += stepMs) {
      this.time.advance(Math.min(stepMs, ms - at));
      await this.settle(1);
    }
  }

  /** Moves time until a condition holds, at most `limitMs`. */
  async until(condition: () => boolean, what: string, limitMs = 20_000, stepMs = 1): Promise<void> {
    for (let at = 0; at < limitMs; at += stepMs) {
      if (condition()) return;
      await this.advance(stepMs, stepMs);
    }
    throw new Error(`waited for ${what}: ${JSON.stringify(this.bus.status)}\n${this.logs.join('\n')}`);
  }

  get isUp(): boolean {
    return this.bus.status.state.kind === 'up';
  }
}

/** Lets time go on until it has settled. */
export async function settled<T>(rig: MessageRig, promise: Promise<T>, stepMs = 1): Promise<T> {
  let isSettled = false;
  const done = (): void => {
    isSettled = true;
  };
  promise.then(done, done);
  await rig.until(() => isSettled, 'the answer', 20_000, stepMs);
  return promise;
}
