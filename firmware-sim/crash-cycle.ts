import type { Time, TimerHandle } from '../src/base/clock.js';

/** What a crash is to the rest of the world. */
export interface CrashActions {
  /** The firmware is gone, and whoever talked to it notices. */
  goDown(): Promise<void>;
  /** It starts again, and can be reached. */
  comeBack(): Promise<void>;
}

/** Firmware that crashes every so often, is gone for a while, and returns. */
export class CrashCycle {
  private timer: TimerHandle | undefined;
  private periodNs = 0;
  private lengthNs = 0;
  private isDown = false;

  constructor(
    private readonly time: Time,
    private readonly actions: CrashActions,
  ) {}

  /** From now on; a length of 0 ends it, after the firmware has returned. */
  set(periodNs: number, lengthNs: number): void {
    this.periodNs = periodNs;
    this.lengthNs = lengthNs;
    if (this.isDown) return;
    this.stop();
    if (lengthNs > 0) this.wait(periodNs);
  }

  /** Nothing happens any more. */
  stop(): void {
    if (this.timer !== undefined) this.time.clear(this.timer);
    this.timer = undefined;
  }

  private wait(ns: number): void {
    this.timer = this.time.set(() => this.turn(), ns / 1e6);
  }

  private turn(): void {
    this.timer = undefined;
    if (this.isDown) {
      this.isDown = false;
      void this.actions.comeBack();
      if (this.lengthNs > 0) this.wait(this.periodNs - this.lengthNs);
    } else {
      this.isDown = true;
      void this.actions.goDown();
      this.wait(this.lengthNs);
    }
  }
}
