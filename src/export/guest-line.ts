import type { Subscription } from 'rxjs';
import type { Timers } from '../base/clock.js';
import { BridgeError } from '../base/errors.js';
import type { LevelBit, LineState } from '../device/line-backend.js';
import type { EdgeEvent, Gap, LineEvent } from '../events/edge-event.js';
import type { Chip, LineRequest } from '../gpio/chip.js';
import { IRQ_TYPE } from '../wire/virtio-gpio.js';
import { lineConfigOf, needsLine, sameState, UNUSED } from './line-state.js';

/** Where edges and levels go: a device model, as of GpioDevice. */
export interface EdgeSink {
  edge(line: number, level: LevelBit, timeNs: number, missedBefore?: number): void;
  setLevel(line: number, level: LevelBit): void;
}

/** What is behind all lines of one guest. */
export interface GuestLineContext {
  /** As requests of its lines name their owner. */
  readonly consumer: string;
  /** Rejects with LINE_GONE where the chip is not there, or the line is not the one that the guest was told of. */
  chipFor(line: number): Promise<Chip>;
  readonly device: EdgeSink;
  readonly counters: GuestCounters;
  readonly timers: Timers;
  /** Pause before something that failed is tried again, ms. */
  readonly retryMs: number;
}

/** What happened to edges on the way to a guest, before the device model saw them. */
export interface GuestCounters {
  /** Edges that were sensed and lost before they got here. */
  edges_lost: number;
  /** Times at which edges may have been lost, and nobody can say how many. */
  unknown_losses: number;
  /** Requests of lines that ended without the guest's doing: the line or its chip went away. */
  lines_taken: number;
}

/**
 * One line of a chip as a guest uses it: requested while the guest wants something of it, set again
 * by itself when the request ended otherwise. What is done to the line is done in order, one after the
 * other; edges pass by all of that.
 */
export class GuestLine {
  private request: LineRequest | undefined;
  private subscription: Subscription | undefined;
  private wanted: LineState = UNUSED;
  /** What the request was last made for; undefined: not known, since that failed. */
  private present: LineState | undefined = UNUSED;
  private busy: Promise<void> | undefined;
  /** Since the present interrupt type is wanted: the level after the last edge, or read; undefined: not known. */
  private level: LevelBit | undefined;
  /** It was read, and the guest told of an edge for it that may be on its way still. */
  private inferred = false;
  private edgesSeen = 0;
  private releasing = false;
  /** The reading of the level that is under way. */
  private reading: object | undefined;
  private retry: object | undefined;

  constructor(
    private readonly line: number,
    private readonly context: GuestLineContext,
  ) {}

  /** Until it is free again. */
  get isRequested(): boolean {
    return this.request !== undefined || this.releasing;
  }

  /** Nothing is wanted, held or under way. */
  get isIdle(): boolean {
    return this.request === undefined && this.busy === undefined && !needsLine(this.wanted);
  }

  /** Makes the line what is wanted. Rejects with what the chip says, and then as much is wanted as before. */
  take(part: Partial<LineState>): Promise<void> {
    return this.inTurn(async () => {
      const before = this.wanted;
      this.want({ ...before, ...part });
      try {
        await this.apply();
      } catch (error) {
        this.want(before);
        throw error;
      }
    });
  }

  /** Less is wanted from now on, whether the coprocessor can be told of it now or only later. */
  giveBack(part: Partial<LineState>): void | Promise<void> {
    if (this.isIdle) return;
    return this.inTurn(async () => {
      this.want({ ...this.wanted, ...part });
      await this.apply().catch(() => this.retryLater());
    });
  }

  /** Sets an output. */
  setValue(value: LevelBit): Promise<void> {
    if (this.request === undefined || this.present !== this.wanted) return this.take({ value });
    return this.inTurn(async () => {
      if (this.request === undefined) throw new BridgeError('LINE_GONE', `line ${this.line} went away`);
      await this.request.setValues(new Map([[this.line, value]]));
      this.wanted = { ...this.wanted, value };
      this.present = this.wanted;
    });
  }

  /** The level now. Of a line that is not requested the chip is asked, and nothing is requested. */
  async getValue(): Promise<LevelBit> {
    if (this.request !== undefined) return (await this.request.getValues())[0]!;
    const chip = await this.context.chipFor(this.line);
    if (chip.readLevel !== undefined) return chip.readLevel(this.line);
    throw new BridgeError('NOT_SUPPORTED', `chip '${chip.name}' reads no line that is not requested`);
  }

  /** The guest is gone, or starts anew: the line is given back, after what is under way. */
  release(): void {
    void this.giveBack(UNUSED);
  }

  /**
   * The guest wants this since before now: done after what is under way, or as soon as it can be. `told` is asked
   * then for the level that the guest knows: where the line is not there any more, it is told of an edge.
   */
  restore(state: LineState, told: () => LevelBit | undefined): void {
    void this.inTurn(async () => {
      this.want(state);
      this.level = told();
      await this.apply().catch(() => this.retryLater());
    });
  }

  /** The level is needed for a level interrupt: read, and told to the model, sooner or later. */
  refreshLevel(): void {
    if (this.reading !== undefined || this.retry !== undefined) return;
    const reading = {};
    this.reading = reading;
    void this.readLevel(reading);
  }

  private async readLevel(reading: object): Promise<void> {
    const seen = this.edgesSeen;
    const level = await this.getValue().catch(() => undefined);
    if (this.reading !== reading) return;
    this.reading = undefined;
    if (level === undefined) this.retryLater();
    // An edge that came meanwhile has told of the level already, and is no older.
    else if (seen === this.edgesSeen) this.levelKnown(level);
  }

  private levelKnown(level: LevelBit): void {
    const { device } = this.context;
    const changed = this.level !== undefined && this.level !== level;
    this.level = level;
    // Both edges were watched, and the line is not where they left it: there was one that nobody told of.
    this.inferred = changed && this.wanted.irqType === IRQ_TYPE.EDGE_BOTH;
    if (this.inferred) device.edge(this.line, level, 0);
    else device.setLevel(this.line, level);
  }

  /** Only in turn. What is known of the level is so of one interrupt type: edges of another one say less. */
  private want(state: LineState): void {
    if (state.irqType !== this.wanted.irqType) this.level = undefined;
    this.wanted = state;
  }

  private inTurn(task: () => Promise<void>): Promise<void> {
    const turn = this.busy === undefined ? task() : this.busy.then(task, task);
    this.busy = turn;
    const done = () => {
      if (this.busy === turn) this.busy = undefined;
    };
    turn.then(done, done);
    return turn;
  }

  private reapply(): void {
    this.inTurn(() => this.apply()).catch(() => this.retryLater());
  }

  /** Requests, reconfigures or releases the line, as it is wanted now. */
  private async apply(): Promise<void> {
    const { wanted, present } = this;
    const isWatched = this.request !== undefined && wanted.irqType === present?.irqType;
    this.present = undefined;
    if (!needsLine(wanted)) await this.giveUp();
    else if (this.request === undefined) await this.open(wanted);
    else if (present === undefined || !sameState(wanted, present)) {
      await this.request.reconfigure(lineConfigOf(wanted));
    }
    this.present = wanted;
    if (!isWatched && followsLevel(wanted.irqType)) this.beginWatch();
  }

  /** Edges come from now on; where they begin is read, after anything that a reading of before can tell. */
  private beginWatch(): void {
    this.reading = undefined;
    this.refreshLevel();
  }

  private async open(wanted: LineState): Promise<void> {
    const { consumer } = this.context;
    const chip = await this.context.chipFor(this.line);
    const request = await chip.requestLines({ consumer, offsets: [this.line], config: lineConfigOf(wanted) });
    this.request = request;
    this.subscription = request.events$.subscribe({
      next: (events) => this.takeEvents(events),
      complete: () => this.requestEnded(request),
    });
  }

  private async giveUp(): Promise<void> {
    const { request } = this;
    this.forgetRequest();
    if (request === undefined) return;
    this.releasing = true;
    await request.release().finally(() => {
      this.releasing = false;
    });
  }

  private forgetRequest(): void {
    this.subscription?.unsubscribe();
    this.subscription = undefined;
    this.request = undefined;
    if (this.retry !== undefined) this.context.timers.clear(this.retry);
    this.retry = undefined;
  }

  /** Not by us: the line went away, or its chip. */
  private requestEnded(request: LineRequest): void {
    if (request !== this.request) return;
    this.forgetRequest();
    this.context.counters.lines_taken++;
    if (needsLine(this.wanted)) this.retryLater();
  }

  private retryLater(): void {
    if (this.retry !== undefined) return;
    this.retry = this.context.timers.set(() => {
      this.retry = undefined;
      if (this.request === undefined || this.present !== this.wanted) this.reapply();
      else if (this.wanted.irqType !== IRQ_TYPE.NONE) this.refreshLevel();
    }, this.context.retryMs);
  }

  private takeEvents(events: readonly LineEvent[]): void {
    for (const event of events) {
      if (event.type === 'edge') this.edge(event);
      else this.gap(event);
    }
  }

  private edge(event: EdgeEvent): void {
    const level = event.edge === 'rising' ? 1 : 0;
    const lost = event.lost ?? 0;
    if (lost > 0) this.context.counters.edges_lost += lost;
    this.edgesSeen++;
    // Edges alternate: this is the one that the reading overtook.
    const isKnown = this.inferred && level === this.level && lost === 0;
    this.inferred = false;
    this.level = level;
    if (isKnown) return;
    this.context.device.edge(this.line, level, Number(event.timestampNs), lost);
  }

  /**
   * A guest is told of edges that are known to have happened by one interrupt for all of them, as of
   * any that come faster than it arms; never of one that may not have happened.
   */
  private gap(gap: Gap): void {
    const { counters, device } = this.context;
    if (gap.lost === null) counters.unknown_losses++;
    else counters.edges_lost += gap.lost;
    this.inferred = false;
    const { irqType } = this.wanted;
    if (isEdgeType(irqType) && gap.lost !== null && gap.lost > 0) {
      const level = levelAfter(irqType, gap, this.level);
      this.edgesSeen++;
      this.level = level;
      device.edge(this.line, level, Number(gap.toNs), gap.lost - 1);
    } else if (gap.level !== undefined) {
      this.edgesSeen++;
      this.levelKnown(gap.level);
    } else if (followsLevel(irqType)) {
      this.refreshLevel();
    }
  }
}

/** Whether the level says something of the interrupt: whether it is due, or whether there was an edge that nobody told of. */
function followsLevel(irqType: number): boolean {
  return irqType === IRQ_TYPE.EDGE_BOTH || irqType === IRQ_TYPE.LEVEL_HIGH || irqType === IRQ_TYPE.LEVEL_LOW;
}

function isEdgeType(irqType: number): boolean {
  return irqType >= IRQ_TYPE.EDGE_RISING && irqType <= IRQ_TYPE.EDGE_BOTH;
}

/** The level that the last of the lost edges left. */
function levelAfter(irqType: number, gap: Gap, before: LevelBit | undefined): LevelBit {
  if (irqType === IRQ_TYPE.EDGE_RISING) return 1;
  if (irqType === IRQ_TYPE.EDGE_FALLING) return 0;
  if (gap.level !== undefined) return gap.level;
  const flips = gap.lost! % 2 === 1;
  return ((before ?? 0) === 1) === flips ? 0 : 1;
}
