import type { Spoken } from '../../src/trace/conversation.js';
import type { TraceRecord } from '../../src/wire/trace/record.js';

/**
 * How far the clock of one boot of the recorded firmware was ahead of the trace's clock, from what the
 * driver measured with BUS_TIME; where it did not, so that no event is later than its arrival.
 */
export class ClockFit {
  private readonly sentNs = new Map<number, bigint>();
  private best: { readonly roundTripNs: bigint; readonly aheadNs: bigint } | undefined;
  private leastAheadNs: bigint | undefined;

  take(record: TraceRecord, { message, buffers }: Spoken): void {
    if (record.kind !== 'frame') return;
    if (message.type === 'time-request' && record.fate === 'sent') {
      if (this.sentNs.size >= MOST_ASKED) this.sentNs.clear();
      this.sentNs.set(message.token, record.atNs);
      return;
    }
    if (record.fate !== 'delivered') return;
    if (message.type === 'time-response') this.measure(message, record.atNs);
    for (const buffer of buffers) {
      if (buffer.kind !== 'event' || buffer.stamp === undefined) continue;
      const aheadNs = buffer.stamp.timeNs - record.atNs;
      if (this.leastAheadNs === undefined || aheadNs > this.leastAheadNs) this.leastAheadNs = aheadNs;
    }
  }

  /** Device clock minus the clock of the trace, ns. */
  get aheadNs(): bigint {
    return this.best?.aheadNs ?? this.leastAheadNs ?? 0n;
  }

  private measure({ token, t2, t3 }: { token: number; t2: bigint; t3: bigint }, receivedNs: bigint): void {
    const sentNs = this.sentNs.get(token);
    this.sentNs.delete(token);
    if (sentNs === undefined) return;
    const roundTripNs = receivedNs - sentNs - (t3 - t2);
    if (this.best !== undefined && roundTripNs >= this.best.roundTripNs) return;
    this.best = { roundTripNs, aheadNs: (t2 + t3) / 2n - (sentNs + receivedNs) / 2n };
  }
}

/** BUS_TIMEs without an answer that are remembered. */
const MOST_ASKED = 64;
