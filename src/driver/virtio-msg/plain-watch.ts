import type { Time, TimerHandle } from '../../base/clock.js';
import type { Timeouts } from '../../base/timeouts.js';
import type { GpioController } from './gpio-controller.js';

export interface PlainWatchOptions {
  readonly time: Time;
  readonly timeouts: Timeouts;
  readonly controllers: () => Iterable<GpioController>;
  /** The bus can resume: says HELLO again, which recovers what was lost; false: it cannot. */
  readonly recover: () => boolean;
}

/**
 * On a PLAIN channel packets may be lost without a trace (docs/protocol.md, "PLAIN"). A line that
 * is armed and silent, or a request without an answer, is recovered by resuming; where the
 * firmware cannot resume, silent lines are armed anew one by one.
 */
export class PlainWatch {
  private timer: TimerHandle | undefined;
  private stopped = false;
  private readonly rearming = new Set<string>();

  constructor(private readonly options: PlainWatchOptions) {}

  start(): void {
    const { time, timeouts } = this.options;
    this.timer = time.set(() => {
      this.check();
      // A recovery ends the session, and this watch with it.
      if (!this.stopped) this.start();
    }, Math.min(timeouts.plain_event_silence, timeouts.request) / 4);
  }

  stop(): void {
    this.stopped = true;
    if (this.timer !== undefined) this.options.time.clear(this.timer);
  }

  private check(): void {
    const { time, timeouts, controllers, recover } = this.options;
    const now = time.monotonicNs();
    const before = (ms: number): bigint => now - BigInt(Math.round(ms * 1e6));
    const silent: [GpioController, number[]][] = [];
    let lost = false;
    for (const controller of controllers()) {
      const silence = controller.silence(before(timeouts.plain_event_silence), before(timeouts.request / 2));
      lost ||= silence.requests || silence.lines.length > 0;
      if (silence.lines.length > 0) silent.push([controller, silence.lines]);
    }
    if (!lost || recover()) return;
    for (const [controller, lines] of silent) for (const line of lines) this.rearm(controller, line);
  }

  private rearm(controller: GpioController, line: number): void {
    const key = `${controller.devNum}:${line}`;
    if (this.rearming.has(key)) return;
    this.rearming.add(key);
    controller
      .rearm(line)
      // A request that failed is counted, and the line is among the silent ones at the next look.
      .catch(() => {})
      .finally(() => this.rearming.delete(key));
  }
}
