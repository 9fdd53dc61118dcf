import type { Observable } from 'rxjs';
import type { Clock, Timers } from '../base/clock.js';
import { BridgeError } from '../base/errors.js';
import type { LineRequests } from '../driver/line-face.js';
import type { Level } from '../driver/remote-gpio.js';
import type { LineEvent } from '../events/edge-event.js';
import type { EventRouter } from '../events/event-router.js';
import { type LineView, newLineView, RequestEvents } from '../events/request-events.js';
import type { LineConfig, LineRequest, LineRequestConfig } from './chip.js';
import { checkLineConfigs, invalid, invertIf } from './line-config.js';
import { applyConfig, changeConfig } from './line-driver.js';
import type { Reservation } from './line-reservations.js';
import type { LineHold, LineTable } from './line-table.js';
import { requestsThrough } from './told-through.js';

const NS_PER_US = 1_000n;

/**
 * A request through a synthetic chip, of which this one has the lines of one controller: how its
 * owner knows them, and where their events go, together with those of other controllers.
 */
export interface RequestFace {
  /** Name of the synthetic chip. */
  readonly chip: string;
  /** One for each offset, in their order. */
  readonly reservations: readonly Reservation[];
  /** Ended by whoever made it. */
  readonly events: RequestEvents;
  /** This part ended without being released: its lines went away. Its lines are free then. */
  readonly onEnd: (reason: string) => void;
}

/** What a request works on. */
export interface RequestContext {
  /** Name of the chip, as the owner knows it. */
  readonly chip: string;
  readonly request: LineRequestConfig;
  /** One for each offset, checked. */
  readonly configs: readonly LineConfig[];
  readonly lines: LineTable;
  readonly remote: LineRequests;
  readonly router: EventRouter;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Of a request through a synthetic chip. */
  readonly face?: RequestFace | undefined;
}

/** Lines of one controller that a caller owns. */
export class CoprocessorLineRequest implements LineRequest {
  readonly consumer: string;
  readonly offsets: readonly number[];
  readonly events$: Observable<readonly LineEvent[]>;

  private readonly events: RequestEvents;
  /** The controller; its errors are in the owner's terms. */
  private readonly remote: LineRequests;
  private readonly views = new Map<number, LineView>();
  private why: string | undefined;
  private releasing: Promise<void> | undefined;
  /** Reconfigurations are done one after the other. */
  private changing: Promise<void> = Promise.resolve();

  /** Claims the lines and configures them; on failure everything is as before. */
  static async open(context: RequestContext): Promise<CoprocessorLineRequest> {
    const request = new CoprocessorLineRequest(context);
    request.claim();
    try {
      await request.configureAll();
    } catch (error) {
      await request.finish('could not be configured');
      throw error;
    }
    if (request.why !== undefined) throw new BridgeError('LINE_GONE', request.why);
    for (const offset of request.offsets) context.lines.announce('requested', offset);
    return request;
  }

  private constructor(private readonly context: RequestContext) {
    this.consumer = context.request.consumer;
    this.offsets = [...context.request.offsets];
    const { remote, face } = context;
    this.remote = face === undefined ? remote : requestsThrough(remote, (offset) => this.shown(offset));
    this.events = context.face?.events ?? new RequestEvents(context.clock, context.timers);
    this.events$ = this.events.events$;
  }

  get ended(): string | undefined {
    return this.why;
  }

  async getValues(offsets: readonly number[] = this.offsets): Promise<Level[]> {
    const holds = offsets.map((offset) => this.hold(offset));
    const levels = await Promise.all(offsets.map((offset) => this.remote.getValue(offset)));
    return levels.map((level, i) => invertIf(holds[i]!.config.activeLow, level));
  }

  async setValues(values: ReadonlyMap<number, Level>): Promise<void> {
    await this.prepareValues(values)();
  }

  /** Checks what {@link setValues} shall do, and does it when the result is called. */
  prepareValues(values: ReadonlyMap<number, Level>): () => Promise<void> {
    const wanted = [...values].map(([offset, level]) => {
      const hold = this.hold(offset);
      if (hold.direction !== 'output') throw invalid(`${this.shown(offset)} is not an output`);
      return [offset, invertIf(hold.config.activeLow, level)] as const;
    });
    return () => allSettled(wanted.map(([offset, level]) => this.remote.setValue(offset, level)));
  }

  reconfigure(config: LineConfig | readonly LineConfig[]): Promise<void> {
    const configs = checkLineConfigs(config, this.offsets);
    const change = this.changing.then(() => this.change(configs));
    this.changing = change.catch(() => {});
    return change;
  }

  release(): Promise<void> {
    return this.finish('released');
  }

  private claim(): void {
    const { lines, request, configs, clock, router, chip, face } = this.context;
    const end = (reason: string): void => {
      void this.finish(reason).then(() => face?.onEnd(reason));
    };
    lines.claim(this.offsets, (index) => ({
      consumer: request.consumer,
      persistent: request.persistent ?? false,
      config: configs[index]!,
      name: lines.nameOf(this.offsets[index]!),
      direction: configs[index]!.direction === 'output' ? 'output' : 'input',
      end,
      through: face?.reservations[index],
    }));
    const now = clock.monotonicNs();
    this.offsets.forEach((offset, index) => {
      const shown = face?.reservations[index];
      const view = shown === undefined ? newLineView(chip, offset) : newLineView(shown.chip, shown.offset);
      this.present(view, configs[index]!);
      this.views.set(offset, view);
      router.attach(offset, this.events, view, now);
    });
  }

  private async configureAll(): Promise<void> {
    const { configs } = this.context;
    await allSettled(
      this.offsets.map(async (offset, index) => {
        this.hold(offset).direction = await applyConfig(this.remote, offset, configs[index]!);
      }),
    );
  }

  private async change(configs: readonly LineConfig[]): Promise<void> {
    await allSettled(
      this.offsets.map(async (offset, index) => {
        const hold = this.hold(offset);
        const config = configs[index]!;
        hold.direction = await changeConfig(this.remote, offset, hold.config, hold.direction, config);
        hold.config = config;
        this.present(this.views.get(offset)!, config);
        this.context.lines.announce('reconfigured', offset);
      }),
    );
  }

  private present(view: LineView, config: LineConfig): void {
    view.edges = config.edges;
    view.activeLow = config.activeLow;
    view.clock = config.eventClock;
    this.events.debounce(view, BigInt(config.debouncePeriodUs ?? 0) * NS_PER_US);
  }

  /** A line as its owner knows it. */
  private shown(offset: number): string {
    const { chip } = this.context;
    const view = this.views.get(offset);
    return view === undefined
      ? `line ${offset} of chip '${chip}'`
      : `line ${view.offset} of chip '${view.chip}'`;
  }

  private hold(offset: number): LineHold {
    if (this.why !== undefined) throw new BridgeError('CLOSED', `the request has ended: ${this.why}`);
    if (!this.views.has(offset)) throw invalid(`line ${offset} is not one of this request's`);
    return this.context.lines.holdOf(offset)!;
  }

  private finish(reason: string): Promise<void> {
    this.releasing ??= this.giveBack(reason);
    return this.releasing;
  }

  /**
   * Whatever the controller says, the lines are free afterwards: it forgets them at its next reset.
   * The events stay open until then, since the final account of a line comes when its interrupt
   * is switched off.
   */
  private async giveBack(reason: string): Promise<void> {
    this.why = reason;
    const { lines, router } = this.context;
    const { offsets } = this;
    const freed = Promise.allSettled(offsets.map((offset) => this.giveLineBack(offset))).then(() => {
      for (const offset of offsets) router.detach(offset);
      for (const view of this.views.values()) this.events.debounce(view, 0n);
      lines.free(offsets);
      for (const offset of offsets) if (offset < lines.lineCount) lines.announce('released', offset);
    });
    for (const offset of offsets) {
      const hold = lines.holdOf(offset);
      if (hold !== undefined) hold.releasing = freed;
    }
    await freed;
    if (this.context.face === undefined) this.events.end();
  }

  private async giveLineBack(offset: number): Promise<void> {
    const { lines } = this.context;
    if (lines.holdOf(offset)?.config.edges !== 'none')
      await this.remote.disableInterrupt(offset).catch(() => {});
    await this.remote.releaseLine(offset);
  }
}

/** Waits for all, then throws the first failure: nothing is still under way when the caller reacts to it. */
async function allSettled(promises: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(promises);
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}
