import type { Subscription } from 'rxjs';
import type { DeviceClock, RemoteGpio } from '../driver/remote-gpio.js';
import { stampEdges } from './edge-stamp.js';
import { accountLosses } from './loss-account.js';
import type { LineView, RequestEvents } from './request-events.js';
import type { SensedBatch, SensedGap } from './sensed.js';

/** Who gets the events of a line, and how they are shown. */
interface Destination {
  readonly request: RequestEvents;
  readonly view: LineView;
  /** CLOCK_MONOTONIC of the last edge, or of the attachment. */
  lastNs: bigint;
}

/**
 * The pipeline of one controller, end to end: interrupts are accounted, stamped and handed to the
 * request that owns the line. The cost of a batch is linear in its events and the requests they
 * are for, whatever the number of lines.
 */
export class EventRouter {
  private readonly destinations: (Destination | undefined)[] = [];
  private readonly touched = new Set<RequestEvents>();
  private readonly subscription: Subscription;

  constructor(remote: Pick<RemoteGpio, 'interrupts$' | 'deviceClock'>) {
    const clockNow = (): DeviceClock | undefined => remote.deviceClock;
    this.subscription = remote.interrupts$
      .pipe(accountLosses(), stampEdges(clockNow))
      .subscribe((batch) => this.route(batch));
  }

  /** From now on events of `line` go to `request`, shown as `view` says. */
  attach(line: number, request: RequestEvents, view: LineView, nowNs: bigint): void {
    this.destinations[line] = { request, view, lastNs: nowNs };
  }

  detach(line: number): void {
    this.destinations[line] = undefined;
  }

  close(): void {
    this.subscription.unsubscribe();
  }

  private route(batch: SensedBatch): void {
    for (const event of batch.events) {
      if (event.kind === 'gap') {
        this.routeGap(event);
        continue;
      }
      const destination = this.destinations[event.line];
      if (destination === undefined) continue;
      destination.lastNs = event.timeNs;
      destination.request.edge(destination.view, event);
      this.touched.add(destination.request);
    }
    for (const request of this.touched) request.flush();
    this.touched.clear();
  }

  private routeGap(gap: SensedGap): void {
    if (gap.line !== undefined) {
      const destination = this.destinations[gap.line];
      if (destination === undefined) return;
      // What is owed lies in a gap of unknown size, too.
      if (gap.lost === null) destination.view.owed = 0;
      this.presentGap(destination, gap);
      return;
    }
    // A gap of the whole chip is told once to each request that listens to edges and has no other chip's lines.
    const told = new Set<RequestEvents>();
    for (const destination of this.destinations) {
      if (destination === undefined || destination.view.edges === 'none') continue;
      destination.view.owed = 0;
      if (told.has(destination.request) && !destination.request.gapsByLine) continue;
      told.add(destination.request);
      this.presentGap(destination, gap);
    }
  }

  private presentGap(destination: Destination, gap: SensedGap): void {
    destination.request.gap(destination.view, gap, destination.lastNs);
    destination.lastNs = gap.toNs;
    this.touched.add(destination.request);
  }
}
