import type { EdgeEvent, Gap, LineEvent } from '../../src/events/edge-event.js';

/** What one line delivered, held against the promise: nothing invented, doubled, reordered or lost without a trace. */
export class LineLedger {
  delivered = 0;
  /** Sum of every `lost` that was a number. */
  lost = 0;
  /** Gaps of unknown size. */
  unknown = 0;
  /** What broke the promise, in words. */
  readonly violations: string[] = [];

  private counted = 0;
  private lastNs = 0n;
  private lineSeqno = 0;
  /** Edges of both directions alternate: the direction of an edge follows from how many there were. */
  private risingWhenOdd: boolean | undefined;

  constructor(private readonly offset: number) {}

  edge(event: EdgeEvent): void {
    this.delivered++;
    if (event.lost === null) this.risingWhenOdd = undefined;
    else this.lost += event.lost;
    this.counted += 1 + (event.lost ?? 0);
    if (event.lineSeqno !== ++this.lineSeqno) {
      this.violate(event, `has line_seqno ${event.lineSeqno}, not ${this.lineSeqno}`);
      this.lineSeqno = event.lineSeqno;
    }
    if (event.timestampNs < this.lastNs)
      this.violate(event, `is ${this.lastNs - event.timestampNs} ns before the last`);
    this.lastNs = event.timestampNs;
    const risingWhenOdd = (event.edge === 'rising') === (this.counted % 2 === 1);
    if (this.risingWhenOdd !== undefined && this.risingWhenOdd !== risingWhenOdd) {
      this.violate(event, `is ${event.edge} as number ${this.counted}`);
    }
    this.risingWhenOdd = risingWhenOdd;
  }

  gap(gap: Gap): void {
    if (gap.lost === null) {
      this.unknown++;
      this.risingWhenOdd = undefined;
      return;
    }
    this.lost += gap.lost;
    this.counted += gap.lost;
  }

  /** Edges delivered or counted as lost. */
  get accounted(): number {
    return this.delivered + this.lost;
  }

  private violate(event: EdgeEvent, what: string): void {
    if (this.violations.length < 20)
      this.violations.push(`line ${this.offset}: edge ${event.lineSeqno} ${what}`);
  }
}

/** The ledgers of a request's lines. */
export class EdgeLedger {
  readonly lines: ReadonlyMap<number, LineLedger>;
  readonly gaps: Gap[] = [];

  constructor(offsets: readonly number[]) {
    this.lines = new Map(offsets.map((offset) => [offset, new LineLedger(offset)]));
  }

  take(events: readonly LineEvent[]): void {
    for (const event of events) {
      if (event.type === 'edge') {
        this.lines.get(event.offset)!.edge(event);
        continue;
      }
      this.gaps.push(event);
      const concerned = event.offset === undefined ? this.lines.values() : [this.lines.get(event.offset)!];
      for (const line of concerned) line.gap(event);
    }
  }

  get delivered(): number {
    return this.total((line) => line.delivered);
  }

  get lost(): number {
    return this.total((line) => line.lost);
  }

  get accounted(): number {
    return this.delivered + this.lost;
  }

  get violations(): readonly string[] {
    return [...this.lines.values()].flatMap((line) => line.violations);
  }

  private total(count: (line: LineLedger) => number): number {
    return [...this.lines.values()].reduce((sum, line) => sum + count(line), 0);
  }
}
