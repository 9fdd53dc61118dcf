import { Observable, type Subscriber } from 'rxjs';
import type { Clock, Timers } from '../base/clock.js';
import type { Level } from '../driver/remote-gpio.js';
import { Debouncer } from './debounce.js';
import type { EdgeEvent, EdgeSelection, EventClock, Gap, LineEvent } from './edge-event.js';
import type { SensedEdge, SensedGap } from './sensed.js';

/** How a request wants one of its lines presented. */
export interface LineView {
  /** The chip and offset that the owner knows the line by (a synthetic chip has its own). */
  readonly chip: string;
  readonly offset: number;
  edges: EdgeSelection;
  activeLow: boolean;
  clock: EventClock;
  /** Edges presented so far. */
  lineSeqno: number;
  /** Lost edges that have not been reported yet: the edge that would have told was not wanted. */
  owed: number | null;
  /** Set while the line is debounced. */
  debouncer: Debouncer | undefined;
}

export function newLineView(chip: string, offset: number): LineView {
  return {
    chip,
    offset,
    edges: 'none',
    activeLow: false,
    clock: 'monotonic',
    lineSeqno: 0,
    owed: 0,
    debouncer: undefined,
  };
}

/** Edges kept for a request that nobody listens to yet; then the oldest go, counted. */
const MAX_UNHEARD = 16_384;

/**
 * Last stage: the events of one line request, as its owner configured its lines. Events from the
 * first enabled interrupt on are kept until the owner subscribes (once).
 */
export class RequestEvents {
  /** Arrays of what one read of the link brought; completes when the request ends. */
  readonly events$: Observable<readonly LineEvent[]>;

  private seqno = 0;
  private ready: LineEvent[] = [];
  private unheard: LineEvent[] = [];
  /** What had to go of it, by line; undefined: of the whole chip. */
  private dropped = new Map<number | undefined, Gap>();
  private listener: Subscriber<readonly LineEvent[]> | undefined;
  private ended = false;
  /** CLOCK_REALTIME minus CLOCK_MONOTONIC for the batch being presented; undefined: not read yet. */
  private realtimeOffset: bigint | undefined;

  /** With `gapsByLine` a gap of a whole controller is told of each line: the request has others too. */
  constructor(
    private readonly clock: Clock,
    private readonly timers: Timers,
    readonly gapsByLine = false,
  ) {
    this.events$ = new Observable((subscriber) => {
      this.listener = subscriber;
      const unheard = this.takeUnheard();
      if (unheard.length > 0) subscriber.next(unheard);
      if (this.ended) subscriber.complete();
      return () => {
        if (this.listener === subscriber) this.listener = undefined;
      };
    });
  }

  /** Presents an edge of a line; {@link flush} delivers it. */
  edge(view: LineView, sensed: SensedEdge): void {
    const event = view.debouncer === undefined ? sensed : view.debouncer.edge(sensed);
    if (event !== undefined) this.present(view, event);
  }

  /** Debounces a line from now on, by this period; 0: no longer. */
  debounce(view: LineView, periodNs: bigint): void {
    if (view.debouncer?.periodNs === periodNs) return;
    view.debouncer?.stop();
    const settled = (event: SensedEdge): void => {
      this.present(view, event);
      this.flush();
    };
    view.debouncer = periodNs === 0n ? undefined : new Debouncer(periodNs, this.timers, settled);
  }

  private present(view: LineView, sensed: SensedEdge): void {
    const rising = (sensed.level === 1) !== view.activeLow;
    if (view.edges !== 'both' && view.edges !== (rising ? 'rising' : 'falling')) {
      view.owed = sum(view.owed, sensed.lost);
      return;
    }
    const event: EdgeEvent = {
      type: 'edge',
      chip: view.chip,
      offset: view.offset,
      edge: rising ? 'rising' : 'falling',
      timestampNs: view.clock === 'realtime' ? sensed.timeNs + this.offsetNow() : sensed.timeNs,
      clock: view.clock,
      stampedBy: sensed.stampedBy,
      uncertaintyNs: sensed.uncertaintyNs,
      seqno: ++this.seqno,
      lineSeqno: ++view.lineSeqno,
      lost: sum(view.owed, sensed.lost),
      levelSource: sensed.levelSource,
      ...(sensed.boottimeNs === undefined ? undefined : { boottimeNs: sensed.boottimeNs }),
    };
    view.owed = 0;
    this.ready.push(event);
  }

  /** Presents a gap of a line, or of the whole chip when the gap names no line. */
  gap(view: LineView, sensed: SensedGap, fromNs: bigint): void {
    view.debouncer?.gap(sensed);
    const level: Level | undefined =
      sensed.level === undefined ? undefined : view.activeLow ? (sensed.level === 1 ? 0 : 1) : sensed.level;
    const gap: Gap = {
      type: 'gap',
      chip: view.chip,
      ...(sensed.line === undefined && !this.gapsByLine ? undefined : { offset: view.offset }),
      lost: sensed.lost,
      reason: sensed.reason,
      fromNs: sensed.fromNs ?? fromNs,
      toNs: sensed.toNs,
      ...(level === undefined ? undefined : { level }),
    };
    this.ready.push(gap);
  }

  /** Delivers what was presented since the last flush. */
  flush(): void {
    this.realtimeOffset = undefined;
    if (this.ready.length === 0) return;
    const events = this.ready;
    this.ready = [];
    if (this.listener === undefined) this.keep(events);
    else this.listener.next(events);
  }

  /** No more events; completes the stream. */
  end(): void {
    this.ended = true;
    this.listener?.complete();
    this.listener = undefined;
  }

  private offsetNow(): bigint {
    this.realtimeOffset ??= this.clock.realtimeNs() - this.clock.monotonicNs();
    return this.realtimeOffset;
  }

  private keep(events: readonly LineEvent[]): void {
    if (this.ended) return;
    for (const event of events) this.unheard.push(event);
    const excess = this.unheard.length - MAX_UNHEARD;
    if (excess <= 0) return;
    for (const event of this.unheard.splice(0, excess)) this.drop(event);
  }

  private drop(event: LineEvent): void {
    const atNs = this.monotonicOf(event);
    const before = this.dropped.get(event.offset);
    const level = event.type === 'gap' ? event.level : event.edge === 'rising' ? 1 : 0;
    this.dropped.set(event.offset, {
      type: 'gap',
      chip: event.chip,
      ...(event.offset === undefined ? undefined : { offset: event.offset }),
      lost: sum(before === undefined ? 0 : before.lost, sum(event.lost, event.type === 'edge' ? 1 : 0)),
      reason: 'client-queue',
      fromNs: before?.fromNs ?? (event.type === 'gap' ? event.fromNs : atNs),
      toNs: atNs,
      ...(level === undefined ? undefined : { level }),
    });
  }

  private monotonicOf(event: LineEvent): bigint {
    if (event.type === 'gap') return event.toNs;
    return event.clock === 'realtime' ? event.timestampNs - this.offsetNow() : event.timestampNs;
  }

  private takeUnheard(): LineEvent[] {
    const events = [...this.dropped.values(), ...this.unheard];
    this.dropped = new Map();
    this.unheard = [];
    return events;
  }
}

/** Adds counts of which either may be unknown. */
function sum(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a + b;
}
