import { randomInt } from 'node:crypto';
import type { Time } from '../../src/base/clock.js';
import { BridgeError } from '../../src/base/errors.js';
import type { ByteStream } from '../../src/link/byte-stream.js';
import type { Listener } from '../../src/link/listener.js';
import { listen } from '../../src/link/open.js';
import { systemTime } from '../../src/linux/clock.js';
import { headStartNs, type Pace } from './pace.js';
import { type ReplayPlan, readScript } from './plan.js';
import { ReplayPort } from './replay-port.js';
import { ReplayedFirmware } from './replayed-firmware.js';
import type { ScriptAction, ScriptStep } from './script.js';

export interface ReplayOptions {
  readonly plan: ReplayPlan;
  /** 1 by default. */
  readonly pace?: Pace;
  readonly time?: Time;
}

/** What was played so far. */
export interface ReplayCounts {
  edges: number;
  /** Edges of lines that the driver did not enable. */
  edgesSkipped: number;
  boots: number;
  channels: number;
  damagedFrames: number;
}

/** Once a driver enabled lines, others that it might enable are waited for no longer than this. */
const QUIET_MS = 1_000;
/** How long a driver may take to receive what was sent before a break of the channel. */
const FLUSH_MS = 2_000;
/** Edges between two looks at the rest of the world. */
const TURN = 256;

/**
 * Plays the firmware's half of a trace to another driver: the same description, answers and edges,
 * with numbers, tokens and buffers of the present session (docs/trace.md, "Replay").
 */
export class ReplayedCoprocessor {
  readonly counts: ReplayCounts = { edges: 0, edgesSkipped: 0, boots: 1, channels: 0, damagedFrames: 0 };
  readonly #plan: ReplayPlan;
  readonly #pace: Pace;
  readonly #time: Time;
  /** Where CLOCK_MONOTONIC of now and of the trace meet. */
  readonly #shiftNs: bigint;
  readonly #listeners: Listener[] = [];
  #firmware: ReplayedFirmware;
  #port: ReplayPort | undefined;
  #bootId: number;
  /** When the script begins or would have begun: what is waited for puts it off. */
  #beganNs: bigint | undefined;
  #enabledEver = false;
  #driverWasOk = false;
  #lastEnableNs = 0n;
  /** Lines with edges or accounts that wait for a buffer or for the channel. */
  readonly #waiting = new Map<number, readonly [devNum: number, line: number]>();
  readonly #waiters = new Set<() => void>();
  #closed = false;

  constructor({ plan, pace = 1, time = systemTime }: ReplayOptions) {
    this.#plan = plan;
    this.#pace = pace;
    this.#time = time;
    this.#shiftNs = plan.startNs + headStartNs(pace, plan.startNs, plan.endNs) - time.monotonicNs();
    this.#bootId = randomInt(1, 0xffff_ffff);
    this.#firmware = this.#bootFirmware(0);
  }

  /** As SimulatedCoprocessor.listen; rejects with NOT_SUPPORTED where no serial link goes over it. */
  async listen(url: string): Promise<Listener> {
    const listener = await listen(url, this.#time);
    this.#listeners.push(listener);
    if ('links$' in listener) {
      throw new BridgeError(
        'NOT_SUPPORTED',
        `${url}: a replay goes over a serial link: use pty:, unix: or tcp:`,
      );
    }
    listener.streams$.subscribe((stream) => this.#accept(stream));
    return listener;
  }

  /**
   * Plays the trace, once; resolves when a driver has taken all of it, or at {@link close}. Nothing
   * happens before a driver has enabled the first interrupt that the trace enables.
   */
  async play(): Promise<ReplayCounts> {
    let begun = false;
    let turn = 0;
    for await (const steps of readScript(this.#plan)) {
      for (const step of steps) {
        // What came before the first HELLO belongs to no session.
        begun ||= step.action.kind === 'boot';
        if (!begun) continue;
        if (this.#closed) return this.counts;
        const due = this.#untilDue(step);
        if (due !== undefined) await due;
        const done = this.#perform(step.action);
        if (done !== undefined) await this.#puttingOff(done);
        if (++turn % TURN === 0) await this.#pause(0);
      }
    }
    await this.#delivered();
    return this.counts;
  }

  /** Ends the replay and closes what it listens on. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#changed();
    this.#firmware.stop();
    await this.#port?.close();
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }

  // The script

  /** Waits for the time of a step; undefined where it is past. */
  #untilDue({ atNs }: ScriptStep): Promise<void> | undefined {
    const now = this.#time.monotonicNs();
    this.#beganNs ??= now;
    const sinceStartMs = Number(atNs - this.#plan.startNs) / 1e6 / this.#pace;
    const waitMs = sinceStartMs - Number(now - this.#beganNs) / 1e6;
    return waitMs > 0 ? this.#pause(waitMs) : undefined;
  }

  /** What follows in the script comes later by what this takes. */
  async #puttingOff(work: Promise<void>): Promise<void> {
    const fromNs = this.#time.monotonicNs();
    await work;
    this.#beganNs! += this.#time.monotonicNs() - fromNs;
  }

  #perform(action: ScriptAction): Promise<void> | undefined {
    const firmware = this.#firmware;
    switch (action.kind) {
      case 'boot':
        return action.boot === 0 ? undefined : this.#restart(action.boot);
      case 'channel':
        return this.#breakChannel();
      case 'enabled':
        firmware.recordedEnable(action.devNum, action.line, action.type);
        return this.#untilEnabled(action.devNum, action.line);
      case 'disabled':
        firmware.recordedDisable(action.devNum, action.line);
        return undefined;
      case 'edge':
        return this.#edge(action);
      case 'account':
        return this.#account(action);
      case 'level':
        firmware.lines(action.devNum, action.line)?.setLevel(action.line, action.level);
        return undefined;
      case 'answered':
        firmware.lines(action.devNum, action.line)?.answered(action.line, action.request, action.refused);
        return undefined;
      case 'log':
        firmware.bus.log(action.level, action.text);
        return undefined;
      case 'needs-reset':
        firmware.bus.failDevice(action.devNum);
        return undefined;
      case 'damage':
        this.counts.damagedFrames++;
        this.#port?.damage(action.bytes);
        return undefined;
    }
  }

  #edge(action: Extract<ScriptAction, { kind: 'edge' }>): Promise<void> | undefined {
    const { devNum, line } = action;
    if (this.#firmware.lines(devNum, line) === undefined) return undefined;
    // Edges leave in the order of the trace: one that still waits is waited for.
    const waits = this.#waitsNow();
    const off = !this.#firmware.isEnabled(devNum, line);
    if (waits || (off && this.#mayEnable())) return this.#edgeLater(action);
    this.#playEdge(action);
    return undefined;
  }

  async #edgeLater(action: Extract<ScriptAction, { kind: 'edge' }>): Promise<void> {
    await this.#until(() => !this.#waitsNow());
    await this.#untilEnabled(action.devNum, action.line);
    this.#playEdge(action);
  }

  #playEdge({ devNum, line, level, seq, deviceNs }: Extract<ScriptAction, { kind: 'edge' }>): void {
    const firmware = this.#firmware;
    const atNs = deviceNs === undefined ? this.#deviceNow() : Number(deviceNs);
    const played = firmware.lines(devNum, line)!.play(line, level, seq, atNs);
    if (played === 'played') this.counts.edges++;
    else if (played === 'not-enabled') this.counts.edgesSkipped++;
    this.#noteWaiting(devNum, line);
  }

  #account(action: Extract<ScriptAction, { kind: 'account' }>): Promise<void> | undefined {
    const { devNum, line, level, seq, final } = action;
    const lines = this.#firmware.lines(devNum, line);
    if (lines === undefined) return undefined;
    if (this.#waitsNow()) return this.#until(() => !this.#waitsNow()).then(() => this.#account(action));
    lines.account(line, level, seq, !final);
    this.#noteWaiting(devNum, line);
    return undefined;
  }

  #noteWaiting(devNum: number, line: number): void {
    if (!this.#firmware.isSettled(devNum, line)) this.#waiting.set(devNum * 0x1_0000 + line, [devNum, line]);
  }

  /** Whether an edge or an account still waits for a buffer or for the channel. */
  #waitsNow(): boolean {
    for (const [key, [devNum, line]] of this.#waiting) {
      if (!this.#firmware.isSettled(devNum, line)) return true;
      this.#waiting.delete(key);
    }
    return false;
  }

  async #restart(boot: number): Promise<void> {
    await this.#delivered();
    this.counts.boots++;
    this.#firmware.stop();
    this.#firmware = this.#bootFirmware(boot);
    this.#openLink();
  }

  async #breakChannel(): Promise<void> {
    await this.#delivered();
    this.counts.channels++;
    this.#openLink();
  }

  /** Waits until the driver has received everything that was sent. */
  async #delivered(): Promise<void> {
    await this.#until(() => !this.#waitsNow(), FLUSH_MS);
    // Its answer comes after all that came before the question.
    let answered = !this.#firmware.bus.greeted;
    if (answered) return;
    const pinged = this.#firmware.bus.ping().then(
      () => {
        answered = true;
        this.#changed();
      },
      () => undefined,
    );
    await Promise.race([pinged, this.#until(() => answered || !this.#firmware.bus.greeted, FLUSH_MS)]);
  }

  // The driver

  /** Whether the driver may still enable lines: it is not up yet, or was busy with that just now. */
  #mayEnable(): boolean {
    if (!this.#enabledEver || !this.#firmware.bus.driverOk) return true;
    return this.#time.monotonicNs() - this.#lastEnableNs < BigInt(QUIET_MS) * 1_000_000n;
  }

  #untilEnabled(devNum: number, line: number): Promise<void> | undefined {
    if (this.#firmware.lines(devNum, line) === undefined) return undefined;
    const settled = () => this.#firmware.isEnabled(devNum, line) || !this.#mayEnable();
    return settled() ? undefined : this.#until(settled);
  }

  readonly #noteEnable = (): void => {
    this.#enabledEver = true;
    this.#lastEnableNs = this.#time.monotonicNs();
  };

  readonly #changed = (): void => {
    const ok = this.#firmware.bus.driverOk;
    // From DRIVER_OK on a driver has its time to enable lines again.
    if (ok && !this.#driverWasOk) this.#lastEnableNs = this.#time.monotonicNs();
    this.#driverWasOk = ok;
    for (const waiter of [...this.#waiters]) waiter();
  };

  #accept(stream: ByteStream): void {
    void this.#port?.close();
    this.#port = undefined;
    if (this.#closed) {
      void stream.close();
      return;
    }
    this.#port = new ReplayPort(stream, this.#time, this.#changed);
    this.#openLink();
  }

  #openLink(): void {
    if (this.#port === undefined) return;
    this.#firmware.bus.attach(this.#port.open());
    this.#port.watch();
  }

  // Boots and clocks

  #bootFirmware(boot: number): ReplayedFirmware {
    this.#bootId = (this.#bootId % 0xffff_fffe) + 1;
    this.#driverWasOk = false;
    this.#waiting.clear();
    const planned = this.#plan.boots[boot]!;
    const aheadNs = this.#shiftNs + planned.clockAheadNs;
    const at = (monotonicNs: bigint): number => Math.max(0, Number(monotonicNs + aheadNs));
    this.#deviceNow = () => at(this.#time.monotonicNs());
    return new ReplayedFirmware({
      boot: planned,
      bootId: this.#bootId,
      now: this.#deviceNow,
      arrivalTime: at,
      enabled: this.#noteEnable,
    });
  }

  #deviceNow: () => number = () => 0;

  // Waiting

  /** Waits until the condition holds, the limit is over, or the replay is closed. */
  #until(condition: () => boolean, limitMs = Number.POSITIVE_INFINITY): Promise<void> {
    return new Promise((resolve) => {
      const endNs =
        this.#time.monotonicNs() + (limitMs < QUIET_MS * 1e6 ? BigInt(Math.ceil(limitMs * 1e6)) : 1n << 62n);
      const check = (): void => {
        const over = this.#time.monotonicNs() >= endNs;
        if (!this.#closed && !over && !condition()) return;
        this.#waiters.delete(check);
        this.#time.clear(timer);
        resolve();
      };
      // Conditions depend on time, too.
      const again = (): void => {
        timer = this.#time.set(again, LOOK_MS);
        check();
      };
      let timer = this.#time.set(again, LOOK_MS);
      this.#waiters.add(check);
      check();
    });
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiters.delete(ifClosed);
        this.#time.clear(timer);
        resolve();
      };
      const ifClosed = (): void => {
        if (this.#closed) done();
      };
      const timer = this.#time.set(done, delayMs);
      this.#waiters.add(ifClosed);
    });
  }
}

/** How often a condition is looked at that nothing has told of. */
const LOOK_MS = 50;
