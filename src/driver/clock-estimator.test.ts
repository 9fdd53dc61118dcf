import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClockEstimator } from './clock-estimator.js';

const S = 1_000_000_000;

/** A device clock and a host that may sleep, with the truth at hand. */
class World {
  /** Time that no clock of the host stops for. */
  private now = 0;
  private slept = 0;
  readonly estimator = new ClockEstimator();

  constructor(
    private readonly driftPpm: number,
    private readonly deviceStart = 5_000 * S,
    private readonly hostStart = 77_000 * S,
  ) {}

  /** Device clock at a moment. */
  device(at: number): bigint {
    return BigInt(this.deviceStart) + BigInt(Math.round(at * (1 + this.driftPpm * 1e-6)));
  }

  monotonic(at: number, slept = this.slept): bigint {
    return BigInt(this.hostStart) + BigInt(Math.round(at)) - BigInt(slept);
  }

  get at(): number {
    return this.now;
  }

  wait(ns: number): void {
    this.now += ns;
  }

  /** One exchange; `there`, `held`, `back`: how long each part of it takes. */
  exchange(there: number, held: number, back: number): void {
    const t1 = this.monotonic(this.now);
    const t2 = this.device(this.now + there);
    const t3 = this.device(this.now + there + held);
    this.now += there + held + back;
    expect(this.estimator.sample(t1, t2, t3, this.monotonic(this.now))).toBe(true);
  }

  /** The host is suspended; noticed `noticedAfter` later, having looked last `lookedBefore` before. */
  sleep(ns: number, lookedBefore = 0, noticedAfter = 0): void {
    const lastAwake = this.monotonic(this.now - lookedBefore);
    this.now += ns;
    this.slept += ns;
    this.now += noticedAfter;
    this.estimator.hostSlept(lastAwake, this.monotonic(this.now), BigInt(ns));
  }

  /** That an edge at `at` maps to its true time, within the bound. */
  check(at: number, sleptThen = this.slept): number {
    const mapped = this.estimator.toHost(this.device(at))!;
    const error = Math.abs(Number(mapped.monotonicNs - this.monotonic(at, sleptThen)));
    expect(error).toBeLessThanOrEqual(mapped.uncertaintyNs);
    return mapped.uncertaintyNs;
  }
}

const delay = fc.integer({ min: 1_000, max: 20_000_000 });

describe('the clock estimate', () => {
  it('knows nothing before the first sample, nor after the firmware restarted', () => {
    const world = new World(0);
    expect(world.estimator.toHost(1n)).toBeUndefined();
    world.exchange(1_000, 0, 1_000);
    world.check(world.at);
    world.estimator.reset();
    expect(world.estimator.toHost(1n)).toBeUndefined();
    expect(world.estimator.report(1n)).toBeUndefined();
  });

  it('holds its bound, whatever the drift up to 200 ppm and however lopsided the delays', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -200, max: 200, noNaN: true }),
        fc.array(fc.tuple(fc.integer({ min: 0, max: 15 * S }), delay, delay, delay), {
          minLength: 1,
          maxLength: 80,
        }),
        fc.integer({ min: 0, max: 20 * S }),
        (drift, exchanges, later) => {
          const world = new World(drift);
          for (const [pause, there, held, back] of exchanges) {
            world.wait(pause);
            if (world.estimator.report(0n) !== undefined) world.check(world.at);
            world.exchange(there, held, back);
            world.check(world.at - back - held);
          }
          world.check(world.at + later);
          world.check(world.at - Math.min(world.at, 30 * S));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('is worth its name: microseconds after a few quick samples, and the drift is found', () => {
    const world = new World(120);
    for (let turn = 0; turn < 12; turn++) {
      for (let i = 0; i < 3; i++) world.exchange(60_000 + i * 5_000, 10_000, 40_000 + i * 300_000);
      world.wait(10 * S);
    }
    const report = world.estimator.report(world.monotonic(world.at))!;
    expect(report.driftPpm).toBeGreaterThan(115);
    expect(report.driftPpm).toBeLessThan(125);
    expect(report.errorNs).toBeLessThan(400_000);
    expect(report.samples).toBe(36);
    world.exchange(60_000, 10_000, 40_000);
    expect(world.check(world.at)).toBeLessThan(100_000);
  });

  it('finds the rate of a bad oscillator, and the bound holds from then on', () => {
    const world = new World(20_000);
    world.exchange(50_000, 0, 50_000);
    world.wait(S);
    world.exchange(50_000, 0, 50_000);
    world.wait(S);
    world.exchange(50_000, 0, 50_000);
    world.check(world.at + S);
    expect(world.estimator.report(world.monotonic(world.at))!.driftPpm).toBeCloseTo(20_000, -2);
  });

  it('starts anew when the device clock was stepped', () => {
    const world = new World(10);
    for (let i = 0; i < 5; i++) {
      world.exchange(50_000, 0, 50_000);
      world.wait(S);
    }
    const stepped = (ns: bigint): bigint => ns + 3_000_000_000n;
    const t1 = world.monotonic(world.at);
    const t2 = stepped(world.device(world.at + 50_000));
    expect(world.estimator.sample(t1, t2, t2, t1 + 100_000n)).toBe(true);
    expect(world.estimator.steps).toBe(1);
    const mapped = world.estimator.toHost(t2)!;
    expect(Math.abs(Number(mapped.monotonicNs - t1 - 50_000n))).toBeLessThanOrEqual(mapped.uncertaintyNs);
  });

  it('rejects what no pair of clocks can give', () => {
    const { estimator } = new World(0);
    expect(estimator.sample(100n, 50n, 40n, 200n)).toBe(false);
    expect(estimator.sample(100n, 50n, 60n, 90n)).toBe(false);
    expect(estimator.sample(100n, 50n, 500_000n, 200n)).toBe(false);
    expect(estimator.rejected).toBe(3);
  });

  it('stays exact over months', () => {
    const world = new World(-30);
    for (let day = 0; day < 200; day++) {
      world.exchange(50_000, 0, 60_000);
      world.wait(10 * S);
      world.exchange(50_000, 0, 60_000);
      world.check(world.at);
      world.wait(86_400 * S);
    }
    world.check(world.at);
  });

  it('maps edges across a sleep of the host: before it, in it, and after it', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -200, max: 200, noNaN: true }),
        fc.integer({ min: S, max: 40_000 * S }),
        fc.integer({ min: 0, max: S }),
        fc.integer({ min: 0, max: S }),
        fc.boolean(),
        (drift, sleepNs, lookedBefore, noticedAfter, sampledAfter) => {
          const world = new World(drift);
          for (let i = 0; i < 6; i++) {
            world.exchange(80_000, 5_000, 40_000);
            world.wait(2 * S);
          }
          const suspendedAt = world.at;
          const suspendNs = world.monotonic(suspendedAt);
          world.sleep(sleepNs, lookedBefore, noticedAfter);
          if (sampledAfter) for (let i = 0; i < 3; i++) world.exchange(80_000, 5_000, 40_000);
          // Well before: by the old mapping, and no word of a sleep.
          const before = world.estimator.toHost(world.device(suspendedAt - 2 * S))!;
          expect(before.boottimeNs).toBeUndefined();
          expect(before.uncertaintyNs).toBeLessThan(2_000_000);
          world.check(suspendedAt - 2 * S, 0);
          // In it: at the moment of suspend, with the sleep as uncertainty.
          const inside = world.estimator.toHost(world.device(suspendedAt + sleepNs / 2))!;
          expect(inside.uncertaintyNs).toBeGreaterThanOrEqual(sleepNs);
          expect(Math.abs(Number(inside.monotonicNs - suspendNs))).toBeLessThanOrEqual(inside.uncertaintyNs);
          const boottime = world.monotonic(suspendedAt + sleepNs / 2, 0);
          expect(Math.abs(Number(inside.boottimeNs! - boottime))).toBeLessThanOrEqual(
            inside.uncertaintyNs - sleepNs + S,
          );
          // After it.
          expect(world.estimator.toHost(world.device(world.at + 2 * S))!.boottimeNs).toBeUndefined();
          world.check(world.at + 2 * S);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('stays bounded through many sleeps', () => {
    const world = new World(40);
    world.exchange(80_000, 5_000, 40_000);
    for (let i = 0; i < 100; i++) {
      world.wait(5 * S);
      world.sleep(100 * S);
      world.exchange(80_000, 5_000, 40_000);
      world.check(world.at);
    }
  });
});
