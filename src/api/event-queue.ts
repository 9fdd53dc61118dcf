import type { Level } from '../driver/remote-gpio.js';
import type { EdgeEvent, Gap } from '../events/edge-event.js';
import type { ChipStateEvent, EndedEvent, RequestEvent } from './client/types.js';

/** Events of one owner, in order; those before `from` are gone. */
export interface QueuedRun<Owner> {
  readonly owner: Owner;
  readonly events: readonly RequestEvent[];
  from: number;
}

export interface EventQueueOptions {
  /** Most events kept. */
  readonly limit: number;
  /** CLOCK_REALTIME minus CLOCK_MONOTONIC now, ns: to place realtime events in a gap's time. */
  readonly realtimeOffsetNs: () => bigint;
}

/**
 * A bounded queue of events of several owners (line requests). When it is full the oldest events
 * are dropped, and each line's are counted; the count comes out as a gap with reason
 * `client-queue` before anything that was younger. Arrays are kept as they came: a push costs the
 * same whatever it brings.
 */
export class EventQueue<Owner> {
  readonly #options: EventQueueOptions;
  /** What stands for dropped events: older than anything in `#runs`. */
  #front: QueuedRun<Owner>[] = [];
  #runs: QueuedRun<Owner>[] = [];
  /** Index of the oldest run in `#runs`; the ones before it are gone. */
  #head = 0;
  #length = 0;
  #losses = new Map<Owner, OwnerLoss>();
  #dropped = 0;

  constructor(options: EventQueueOptions) {
    this.#options = options;
  }

  /** Events kept, without the gaps that stand for dropped ones. */
  get length(): number {
    return this.#length;
  }

  /** Edges dropped so far because it was full; only ever grows. */
  get dropped(): number {
    return this.#dropped;
  }

  get isEmpty(): boolean {
    return this.#length === 0 && this.#front.length === 0 && this.#losses.size === 0;
  }

  push(owner: Owner, events: readonly RequestEvent[]): void {
    if (events.length === 0) return;
    this.#runs.push({ owner, events, from: 0 });
    this.#length += events.length;
    if (this.#length > this.#options.limit) this.#dropOldest(this.#length - this.#options.limit);
  }

  /** The oldest run, to be taken from with {@link take}; undefined when empty. */
  peek(): QueuedRun<Owner> | undefined {
    if (this.#front.length === 0 && this.#losses.size > 0) this.#reportLosses();
    return this.#front[0] ?? this.#runs[this.#head];
  }

  /** Removes the `count` oldest events of the run that {@link peek} gave. */
  take(count: number): void {
    const inFront = this.#front[0];
    if (inFront !== undefined) {
      inFront.from += count;
      if (inFront.from >= inFront.events.length) this.#front.shift();
      return;
    }
    this.#length -= count;
    const run = this.#runs[this.#head]!;
    run.from += count;
    if (run.from >= run.events.length) this.#nextRun();
  }

  #dropOldest(count: number): void {
    this.#length -= count;
    let left = count;
    while (left > 0) {
      const run = this.#runs[this.#head]!;
      const end = Math.min(run.events.length, run.from + left);
      left -= end - run.from;
      const loss = this.#lossOf(run.owner);
      for (let i = run.from; i < end; i++) {
        if (run.events[i]!.type === 'edge') this.#dropped++;
        loss.add(run.events[i]!);
      }
      run.from = end;
      if (end === run.events.length) this.#nextRun();
    }
  }

  #nextRun(): void {
    this.#runs[this.#head++] = undefined as never;
    // Moving what is left once half is gone keeps this cheap on average, and the array short.
    if (this.#head >= 32 && this.#head * 2 >= this.#runs.length) {
      this.#runs = this.#runs.slice(this.#head);
      this.#head = 0;
    }
  }

  #lossOf(owner: Owner): OwnerLoss {
    let loss = this.#losses.get(owner);
    if (loss === undefined) {
      loss = new OwnerLoss(this.#options.realtimeOffsetNs);
      this.#losses.set(owner, loss);
    }
    return loss;
  }

  #reportLosses(): void {
    for (const [owner, loss] of this.#losses) {
      const events = loss.report();
      if (events.length > 0) this.#front.push({ owner, events, from: 0 });
    }
    this.#losses = new Map();
  }
}

interface LineLoss {
  chip: string;
  lost: number | null;
  fromNs: bigint;
  toNs: bigint;
  level: Level | undefined;
}

/** What was dropped of one owner. */
class OwnerLoss {
  /** By offset; undefined: gaps of the whole chip. */
  readonly #lines = new Map<number | undefined, LineLoss>();
  /** Only the last state matters once those before it are gone. */
  #chip: ChipStateEvent | undefined;
  #ended: EndedEvent | undefined;
  readonly #readRealtimeOffset: () => bigint;
  #realtimeOffsetNs: bigint | undefined;

  constructor(readRealtimeOffset: () => bigint) {
    this.#readRealtimeOffset = readRealtimeOffset;
  }

  add(event: RequestEvent): void {
    if (event.type === 'edge') this.#addEdge(event);
    else if (event.type === 'gap') this.#addGap(event);
    else if (event.type === 'chip') this.#chip = event;
    else this.#ended = event;
  }

  report(): readonly RequestEvent[] {
    const events: RequestEvent[] = [];
    for (const [offset, { chip, lost, fromNs, toNs, level }] of this.#lines) {
      events.push({
        type: 'gap',
        chip,
        lost,
        reason: 'client-queue',
        fromNs,
        toNs,
        ...(offset === undefined ? {} : { offset }),
        ...(level === undefined ? {} : { level }),
      });
    }
    if (this.#chip !== undefined) events.push(this.#chip);
    if (this.#ended !== undefined) events.push(this.#ended);
    return events;
  }

  #addEdge(edge: EdgeEvent): void {
    const atNs = this.#monotonic(edge);
    const loss = this.#line(edge.offset, edge.chip, atNs);
    loss.lost = loss.lost === null || edge.lost === null ? null : loss.lost + 1 + edge.lost;
    loss.toNs = atNs;
    loss.level = edge.edge === 'rising' ? 1 : 0;
  }

  #monotonic(edge: EdgeEvent): bigint {
    if (edge.clock === 'monotonic') return edge.timestampNs;
    this.#realtimeOffsetNs ??= this.#readRealtimeOffset();
    return edge.timestampNs - this.#realtimeOffsetNs;
  }

  #addGap(gap: Gap): void {
    const loss = this.#line(gap.offset, gap.chip, gap.fromNs);
    loss.lost = loss.lost === null || gap.lost === null ? null : loss.lost + gap.lost;
    loss.toNs = gap.toNs;
    loss.level = gap.level;
  }

  #line(offset: number | undefined, chip: string, atNs: bigint): LineLoss {
    let loss = this.#lines.get(offset);
    if (loss === undefined) {
      loss = { chip, lost: 0, fromNs: atNs, toNs: atNs, level: undefined };
      this.#lines.set(offset, loss);
    }
    return loss;
  }
}
