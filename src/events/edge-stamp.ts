import { type OperatorFunction, tap } from 'rxjs';
import type { DeviceClock } from '../driver/remote-gpio.js';
import type { Sensed, SensedBatch, SensedEdge, SensedGap } from './sensed.js';

/**
 * Second stage: maps the device's time of each edge to CLOCK_MONOTONIC, with its error bound. Edges
 * without a device time keep the host's time of arrival. `clockNow` gives the mapping in force.
 */
export function stampEdges(
  clockNow: () => DeviceClock | undefined,
): OperatorFunction<SensedBatch, SensedBatch> {
  return (sensed$) => {
    const stamper = new EdgeStamper(clockNow);
    return sensed$.pipe(tap((batch) => stamper.stamp(batch.events)));
  };
}

class EdgeStamper {
  /** The last edge of each line. */
  private readonly last: (SensedEdge | undefined)[] = [];

  constructor(private readonly clockNow: () => DeviceClock | undefined) {}

  stamp(events: readonly Sensed[]): void {
    const clock = this.clockNow();
    for (const event of events) {
      if (event.kind === 'gap') {
        if (clock !== undefined && event.deviceNs !== null) mapGapEnd(event, event.deviceNs, clock);
        continue;
      }
      if (clock !== undefined && event.deviceNs !== null) mapTime(event, event.deviceNs, clock);
      this.keepOrder(event);
    }
  }

  /**
   * A newer estimate of the clock may put an edge before the line's last one. The true times
   * are in order, so that moving it up to that one keeps it within the wider of both bounds.
   */
  private keepOrder(edge: SensedEdge): void {
    const before = this.last[edge.line];
    this.last[edge.line] = edge;
    if (before === undefined || edge.timeNs >= before.timeNs) return;
    edge.timeNs = before.timeNs;
    edge.uncertaintyNs = widest(edge.uncertaintyNs, before.uncertaintyNs);
  }
}

function mapTime(edge: SensedEdge, deviceNs: bigint, clock: DeviceClock): void {
  const mapped = clock.toHost(deviceNs);
  if (mapped === undefined) return;
  edge.timeNs = mapped.monotonicNs;
  // No edge arrives before it happens: the arrival is a bound of its own.
  if (edge.timeNs > edge.arrivedNs) edge.timeNs = edge.arrivedNs;
  edge.stampedBy = 'device';
  edge.uncertaintyNs = mapped.uncertaintyNs;
  edge.boottimeNs = mapped.boottimeNs;
}

/** Edges after the gap may have happened before its news arrived: it ends when the device says. */
function mapGapEnd(gap: SensedGap, deviceNs: bigint, clock: DeviceClock): void {
  const mapped = clock.toHost(deviceNs);
  if (mapped !== undefined && mapped.monotonicNs < gap.toNs) gap.toNs = mapped.monotonicNs;
}

function widest(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : Math.max(a, b);
}
