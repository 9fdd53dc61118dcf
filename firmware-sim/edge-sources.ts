import type { SimulatedPins } from './pins.js';
import type { Random } from './random.js';

/** Makes edges at times of its own; the scheduler fires it at each. */
export interface EdgeSource {
  /** When the next edge happens, ns of world time; Infinity after the last. */
  readonly nextNs: number;
  /** Makes that edge, at `deviceNs` of the device clock, and moves on to the next. */
  fire(deviceNs: number): void;
  /** Gives back what it holds; it is not fired again. */
  close?(): void;
}

export class ToggleSource implements EdgeSource {
  nextNs: number;

  constructor(
    private readonly pins: SimulatedPins,
    private readonly line: number,
    private readonly periodNs: number,
    startNs: number,
  ) {
    this.nextNs = startNs + periodNs;
  }

  fire(deviceNs: number): void {
    this.pins.toggle(this.line, deviceNs);
    this.nextNs += this.periodNs;
  }
}

export class PulseSource implements EdgeSource {
  nextNs: number;
  private high = false;

  constructor(
    private readonly pins: SimulatedPins,
    private readonly line: number,
    private readonly periodNs: number,
    private readonly widthNs: number,
    startNs: number,
  ) {
    this.nextNs = startNs + periodNs;
  }

  fire(deviceNs: number): void {
    this.high = !this.high;
    this.pins.apply(this.line, this.high ? 1 : 0, deviceNs);
    this.nextNs += this.high ? this.widthNs : this.periodNs - this.widthNs;
  }
}

export class RandomSource implements EdgeSource {
  nextNs: number;
  private readonly meanNs: number;

  constructor(
    private readonly pins: SimulatedPins,
    private readonly first: number,
    private readonly count: number,
    edgesPerSecond: number,
    private readonly random: Random,
    startNs: number,
  ) {
    this.meanNs = 1e9 / edgesPerSecond;
    this.nextNs = startNs;
    this.advance();
  }

  fire(deviceNs: number): void {
    this.pins.toggle(this.first + this.random.below(this.count), deviceNs);
    this.advance();
  }

  private advance(): void {
    // Two edges never at the same nanosecond: order by time is order of happening.
    this.nextNs += Math.max(1, Math.round(this.random.exponential(this.meanNs)));
  }
}
