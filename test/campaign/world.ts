import type { SimulatedCoprocessor } from '../../firmware-sim/index.js';
import { systemTime } from '../../src/linux/clock.js';
import { randomFrom } from '../support/arq-world.js';
import { PinTruth } from './truth.js';

/** Makes edges on the first pins of a coprocessor at random, and keeps a record of them. */
export class World {
  readonly pins: readonly PinTruth[];
  private readonly random: () => number;
  private timer: NodeJS.Timeout | undefined;
  private made = 0;

  constructor(
    private readonly coprocessor: SimulatedCoprocessor,
    lines: number,
    seed: number,
    readonly epochNs: bigint,
  ) {
    this.pins = Array.from({ length: lines }, () => new PinTruth());
    this.random = randomFrom(seed);
  }

  get edges(): number {
    return this.made;
  }

  nowNs(): number {
    return Number(systemTime.monotonicNs() - this.epochNs);
  }

  /** So many edges a second, from now on. */
  start(rate: number): void {
    const began = performance.now();
    const [madeBefore, most] = [this.made, Math.max(1, rate / 20)];
    this.timer = setInterval(() => {
      const due = Math.floor(((performance.now() - began) * rate) / 1000) - (this.made - madeBefore);
      // A process that was held up makes up for it slowly: a burst of seconds is none of the world's.
      for (let i = 0; i < Math.min(due, most); i++) this.toggle(Math.floor(this.random() * this.pins.length));
    }, 1);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private toggle(line: number): void {
    const pin = this.pins[line]!;
    const level = (1 - pin.level) as 0 | 1;
    const beforeNs = this.nowNs();
    this.coprocessor.drive(line, level);
    pin.add(level, beforeNs, this.nowNs());
    this.made++;
  }
}
