import type { ClockReport, HostTime } from './remote-gpio.js';

/**
 * Maps a coprocessor's clock to CLOCK_MONOTONIC with a hard error bound, from (t1, t2, t3, t4) of
 * request and answer. Pure: no clock and no timer of its own.
 *
 * Inside, host time is CLOCK_BOOTTIME, which runs on while the host sleeps as the device's clock
 * does, so that one line maps one to the other. A sleep is a hole in CLOCK_MONOTONIC, kept as a
 * zone of device time with the mapping that was in force before it.
 *
 * The bound rests on two assumptions: the clocks differ by at most {@link MAX_DRIFT} until measured,
 * and their rate strays by at most {@link WANDER} from its mean over the samples kept. Samples
 * that contradict each other under these (the device's clock was stepped) start the estimate anew.
 */
export class ClockEstimator {
  /** Samples that contradicted the earlier ones, so that those were thrown away. */
  steps = 0;
  /** Samples that no pair of clocks could give, and were not taken. */
  rejected = 0;

  private samples: Sample[] = [];
  private taken = 0;
  private roundTripNs = 0;
  /** Times are kept as numbers relative to these: exact for 104 days, and re-based before. */
  private baseDevice = 0n;
  private baseHost = 0n;
  private mapping: Mapping | undefined;
  private sleeps: Sleep[] = [];
  /** CLOCK_BOOTTIME minus CLOCK_MONOTONIC since the last sleep. */
  private sleptNs = 0n;
  /** Device time from which on the last sleep is over; undefined without sleeps. */
  private awakeSince: bigint | undefined;

  /** Forgets the device's clock: it started anew. What is known of the host's sleep stays. */
  reset(): void {
    this.samples = [];
    this.taken = 0;
    this.mapping = undefined;
    this.sleeps = [];
    this.awakeSince = undefined;
  }

  /**
   * Takes one exchange: the host sent at `t1` and received at `t4` (CLOCK_MONOTONIC, no sleep in
   * between), the device received at `t2` and answered at `t3` (its own clock). False when the
   * times are impossible.
   */
  sample(t1: bigint, t2: bigint, t3: bigint, t4: bigint): boolean {
    if (this.samples.length === 0 || t2 - this.baseDevice > REBASE_NS) this.rebase(t2, t1 + this.sleptNs);
    const next = this.relative(t1, t2, t3, t4);
    if (next === undefined) {
      this.rejected++;
      return false;
    }
    this.taken++;
    this.roundTripNs = next.high - next.low;
    const estimate = estimateFrom([...this.samples, next]);
    if (estimate === undefined) {
      this.steps++;
      this.samples = [next];
      this.mapping = estimateFrom(this.samples);
    } else {
      this.samples.push(next);
      if (this.samples.length > MAX_SAMPLES) this.thin();
      this.mapping = estimate;
    }
    return true;
  }

  /**
   * The host slept for `sleptNs`, at some moment between `lastAwakeNs`, when it surely was awake
   * before, and `nowNs`, when the sleep was noticed (both CLOCK_MONOTONIC).
   */
  hostSlept(lastAwakeNs: bigint, nowNs: bigint, sleptNs: bigint): void {
    const before = this.sleptNs;
    this.sleptNs += sleptNs;
    if (this.mapping === undefined) return;
    const sleep: Sleep = {
      fromDevice: this.toDevice(lastAwakeNs + before),
      toDevice: this.toDevice(nowNs + this.sleptNs),
      fromNs: lastAwakeNs,
      sleptBeforeNs: before,
      leastErrorNs: Math.max(Number(sleptNs), Number(nowNs - lastAwakeNs)),
      mapping: this.mapping,
      baseDevice: this.baseDevice,
      baseHost: this.baseHost,
    };
    this.sleeps.push(sleep);
    if (this.sleeps.length > MAX_SLEEPS) this.sleeps.shift();
    this.awakeSince = sleep.toDevice;
  }

  /** Undefined before the first sample. Called for every edge. */
  toHost(deviceNs: bigint): HostTime | undefined {
    const mapping = this.mapping;
    if (mapping === undefined) return undefined;
    if (this.awakeSince !== undefined && deviceNs < this.awakeSince) return this.toHostAcrossSleep(deviceNs);
    const x = Number(deviceNs - this.baseDevice);
    const age = x - mapping.x;
    const host = x + mapping.offset + age * mapping.rate;
    return {
      monotonicNs: this.baseHost - this.sleptNs + BigInt(Math.round(host)),
      uncertaintyNs: errorAt(mapping, age),
    };
  }

  /** What `status` shows, at `nowNs` (CLOCK_MONOTONIC); undefined before the first sample. */
  report(nowNs: bigint): ClockReport | undefined {
    const mapping = this.mapping;
    if (mapping === undefined) return undefined;
    const deviceNow = this.toDevice(nowNs + this.sleptNs);
    return {
      offsetNs: nowNs - deviceNow,
      driftPpm: mapping.rateError >= MAX_DRIFT ? null : roundPpm(1 / (1 + mapping.rate) - 1),
      errorNs: errorAt(mapping, Number(deviceNow - this.baseDevice) - mapping.x),
      roundTripNs: this.roundTripNs,
      samples: this.taken,
    };
  }

  /** A time before or in a sleep: by the mapping of then, or at the moment of suspend. */
  private toHostAcrossSleep(deviceNs: bigint): HostTime {
    const sleep = this.sleeps.find((candidate) => deviceNs < candidate.toDevice)!;
    const { mapping, baseDevice, baseHost } = sleep;
    const x = Number(deviceNs - baseDevice);
    const age = x - mapping.x;
    const boottimeNs = baseHost + BigInt(Math.round(x + mapping.offset + age * mapping.rate));
    const uncertaintyNs = errorAt(mapping, age);
    if (deviceNs < sleep.fromDevice) return { monotonicNs: boottimeNs - sleep.sleptBeforeNs, uncertaintyNs };
    return {
      monotonicNs: sleep.fromNs,
      uncertaintyNs: uncertaintyNs + sleep.leastErrorNs,
      boottimeNs,
    };
  }

  /** Device time at a CLOCK_BOOTTIME, by the present mapping. */
  private toDevice(boottimeNs: bigint): bigint {
    const { x, offset, rate } = this.mapping!;
    const host = Number(boottimeNs - this.baseHost);
    // host = d + offset + (d - x) * rate, solved for d
    return this.baseDevice + BigInt(Math.round((host - offset + x * rate) / (1 + rate)));
  }

  private relative(t1: bigint, t2: bigint, t3: bigint, t4: bigint): Sample | undefined {
    if (t3 < t2 || t4 < t1) return undefined;
    const sent = Number(t1 + this.sleptNs - this.baseHost);
    const received = Number(t4 + this.sleptNs - this.baseHost);
    const arrived = Number(t2 - this.baseDevice);
    const answered = Number(t3 - this.baseDevice);
    // Both clocks run on between arrival and answer, at rates that may differ.
    const slack = (answered - arrived) * MAX_DRIFT + READING_NS;
    const low = sent - arrived - slack;
    const high = received - answered + slack;
    return high < low ? undefined : { x: (arrived + answered) / 2, low, high };
  }

  private rebase(device: bigint, host: bigint): void {
    const dx = Number(device - this.baseDevice);
    const shift = Number(host - this.baseHost) - dx;
    this.baseDevice = device;
    this.baseHost = host;
    if (this.samples.length === 0) return;
    this.samples = this.samples.map(({ x, low, high }) => ({
      x: x - dx,
      low: low - shift,
      high: high - shift,
    }));
    this.mapping = estimateFrom(this.samples);
  }

  /** Keeps the span of time covered while bounding the number: every second of the older half goes. */
  private thin(): void {
    const half = this.samples.length / 2;
    this.samples = this.samples.filter((_, i) => i >= half || i % 2 === 0);
    const newest = this.samples[this.samples.length - 1]!.x;
    this.samples = this.samples.filter(({ x }) => newest - x <= KEPT_NS);
  }
}

/** Device and host clocks differ in rate by at most this until measured (RC oscillators: measured). */
const MAX_DRIFT = 500e-6;
/** The rate strays by at most this from its mean: twice a crystal's range over temperature. */
const WANDER = 20e-6;
/** Rounding of the clock readings themselves. */
const READING_NS = 2;
const MAX_SAMPLES = 48;
/** Samples older than this say nothing about the present rate. */
const KEPT_NS = 900e9;
const MAX_SLEEPS = 8;
const REBASE_NS = 30n * 86_400n * 1_000_000_000n;

/** At device time `x`, host minus device lay between `low` and `high`. */
interface Sample {
  readonly x: number;
  readonly low: number;
  readonly high: number;
}

/** host = device + offset + (device - x) * rate, all relative to the bases. */
interface Mapping {
  readonly x: number;
  readonly offset: number;
  readonly error: number;
  readonly rate: number;
  readonly rateError: number;
}

interface Sleep {
  /** Device times between which the sleep lies; no edge in between can be told from one in it. */
  readonly fromDevice: bigint;
  readonly toDevice: bigint;
  /** CLOCK_MONOTONIC of the suspend, as far as it is known. */
  readonly fromNs: bigint;
  readonly sleptBeforeNs: bigint;
  readonly leastErrorNs: number;
  readonly mapping: Mapping;
  readonly baseDevice: bigint;
  readonly baseHost: bigint;
}

function errorAt(mapping: Mapping, age: number): number {
  return Math.ceil(mapping.error + (age < 0 ? -age : age) * mapping.rateError);
}

/** The mapping at the newest sample that all samples allow; undefined when there is none. */
function estimateFrom(samples: readonly Sample[]): Mapping | undefined {
  const newest = samples[samples.length - 1]!;
  const rates = ratesFrom(samples, newest);
  if (rates === undefined) return undefined;
  const rate = (rates.low + rates.high) / 2;
  const rateError = (rates.high - rates.low) / 2;
  let { low, high } = newest;
  for (const sample of samples) {
    const age = newest.x - sample.x;
    low = Math.max(low, sample.low + age * (rates.low - WANDER));
    high = Math.min(high, sample.high + age * (rates.high + WANDER));
  }
  if (low > high) return undefined;
  return { x: newest.x, offset: (low + high) / 2, error: (high - low) / 2, rate, rateError };
}

/** The rates of host against device that all pairs with the newest sample allow. */
function ratesFrom(samples: readonly Sample[], newest: Sample): { low: number; high: number } | undefined {
  let low = Number.NEGATIVE_INFINITY;
  let high = Number.POSITIVE_INFINITY;
  for (const sample of samples) {
    const age = newest.x - sample.x;
    if (age < 0) return undefined;
    if (age === 0) continue;
    low = Math.max(low, (newest.low - sample.high) / age - WANDER);
    high = Math.min(high, (newest.high - sample.low) / age + WANDER);
  }
  if (low > high) return undefined;
  // A measured rate beyond the assumption stands: the assumption was wrong for this oscillator.
  if (low > MAX_DRIFT || high < -MAX_DRIFT) return { low, high };
  return { low: Math.max(low, -MAX_DRIFT), high: Math.min(high, MAX_DRIFT) };
}

/** To a hundredth of a part per million. */
function roundPpm(ratio: number): number {
  return Math.round(ratio * 1e8) / 100;
}
