import type { Subscription } from 'rxjs';
import type { Timers } from '../base/clock.js';
import { BridgeError } from '../base/errors.js';
import type { GpioDevice } from '../device/gpio-device.js';
import type { LevelBit, LineState } from '../device/line-backend.js';
import type { EdgeEvent, Gap, LineEvent } from '../events/edge-event.js';
import type { Chip, LineRequest } from '../gpio/chip.js';
import { IRQ_TYPE } from '../wire/virtio-gpio.js';
import { lineConfigOf, needsLine, sameState, UNUSED } from './line-state.js';

/** What is behind all lines of one guest. */
export interface GuestLineContext {
  /** As requests of its lines name their owner. */
  readonly consumer: string;
  /** Rejects with LINE_GONE where the chip is not there, or the line is not the one that the guest was told of. */
  chipFor(line: number): Promise<Chip>;
  /** The model that edges and levels go to. */
  readonly device: Pick<GpioDevice, 'edge' | 'setLevel'>;
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
  /** The level after the last edge, or read; undefined: not known. */
  private level: LevelBit | undefined;
  private edgesSeen = 0;
  private releasing = false;
  private reading = false;
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
      this.wanted = { ...before, ...part };
      try {
        await this.apply();
      } catch (error) {
        this.wanted = before;
        throw error;
      }
    });
  }

  /** Less is wanted from now on, whether the coprocessor can be told of it now or only later. */
  giveBack(part: Partial<LineState>): void | Promise<void> {
    if (this.isIdle) return;
    return this.inTurn(async () => {
      this.wanted = { ...this.wanted, ...part };
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

  /** The guest wants this since before now: done at once, or as soon as it can be. */
  restore(state: LineState): void {
    this.wanted = state;
    this.reapply();
  }

  /** The level is needed for a level interrupt: read, and told to the model, sooner or later. */
  refreshLevel(): void {
    if (this.reading || this.retry !== undefined) return;
    this.reading = true;
    void this.readLevel().finally(() => {
      this.reading = false;
    });
  }

  private async readLevel(): Promise<void> {
    const seen = this.edgesSeen;
    try {
      const level = await this.getValue();
      // An edge that came meanwhile has told of the level already, and is no older.
      if (seen === this.edgesSeen) this.levelKnown(level);
    } catch {
      this.retryLater();
    }
  }

  private levelKnown(level: LevelBit): void {
    const changed = this.level !== undefined && this.level !== level;
    this.level = level;
    // Both edges were watched, and the line is not where they left it: there was one that nobody told of.
    if (changed && this.wanted.irqType === IRQ_TYPE.EDGE_BOTH) this.context.device.edge(this.line, level, 0);
    else this.context.device.setLevel(this.line, level);
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
    const done = this.inTurn(() => this.apply());
    done.then(
      () => {
        if (isLevelType(this.wanted.irqType)) this.refreshLevel();
      },
      () => this.retryLater(),
    );
  }

  /** Requests, reconfigures or releases the line, as it is wanted now. */
  private async apply(): Promise<void> {
    const { wanted, present } = this;
    this.present = undefined;
    if (wanted.irqType !== present?.irqType) this.level = undefined;
    if (!needsLine(wanted)) await this.giveUp();
    else if (this.request === undefined) await this.open(wanted);
    else if (present === undefined || !sameState(wanted, present)) {
      await this.request.reconfigure(lineConfigOf(wanted));
    }
    this.present = wanted;
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
    this.level = undefined;
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
    this.level = level;
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
    const { irqType } = this.wanted;
    if (isEdgeType(irqType) && gap.lost !== null && gap.lost > 0) {
      const level = levelAfter(irqType, gap, this.level);
      this.edgesSeen++;
      this.level = level;
      device.edge(this.line, level, Number(gap.toNs), gap.lost - 1);
    } else if (gap.level !== undefined) {
      this.edgesSeen++;
      this.levelKnown(gap.level);
    } else if (irqType !== IRQ_TYPE.EDGE_RISING && irqType !== IRQ_TYPE.EDGE_FALLING) {
      this.refreshLevel();
    }
  }
}

function isLevelType(irqType: number): boolean {
  return irqType === IRQ_TYPE.LEVEL_HIGH || irqType === IRQ_TYPE.LEVEL_LOW;
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
