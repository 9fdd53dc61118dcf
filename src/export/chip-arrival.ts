import { filter, of, type Subscription, startWith, switchMap, take } from 'rxjs';
import type { TimerHandle, Timers } from '../base/clock.js';
import type { ChipSource } from './chip-source.js';

/**
 * The first time that a chip is up, waited for no longer than a limit. A guest that ran on over a restart of
 * this process asks for its lines at once, before the coprocessor has answered: that is no reason to refuse.
 */
export class ChipArrival {
  /** Resolves when the chip is up, the limit ran out, or {@link cancel} was called; never rejects. */
  readonly settled: Promise<void>;

  private timer: TimerHandle | undefined;
  private subscription: Subscription | undefined;
  private settle: () => void = () => {};

  constructor(
    chips: ChipSource,
    name: string,
    private readonly timers: Timers,
    limitMs: number,
  ) {
    this.settled = new Promise((resolve) => {
      this.settle = resolve;
    });
    this.timer = timers.set(() => this.cancel(), limitMs);
    const up$ = chips.changes$.pipe(
      filter((changed) => changed === name),
      startWith(name),
      switchMap(() => chips.get(name)?.state$ ?? of(undefined)),
      filter((state) => state?.kind === 'up'),
      take(1),
    );
    this.subscription = up$.subscribe(() => this.cancel());
    if (this.timer === undefined) this.subscription.unsubscribe();
  }

  /** Waits no longer. Idempotent. */
  cancel(): void {
    if (this.timer !== undefined) this.timers.clear(this.timer);
    this.timer = undefined;
    this.subscription?.unsubscribe();
    this.settle();
  }
}
