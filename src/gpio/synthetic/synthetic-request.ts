import type { Observable } from 'rxjs';
import type { Clock, Timers } from '../../base/clock.js';
import { BridgeError } from '../../base/errors.js';
import type { Level } from '../../driver/remote-gpio.js';
import type { LineEvent } from '../../events/edge-event.js';
import { RequestEvents } from '../../events/request-events.js';
import type { LineConfig, LineRequest, LineRequestConfig } from '../chip.js';
import type { CoprocessorChip } from '../coprocessor-chip.js';
import { checkLineConfigs, invalid } from '../line-config.js';
import type { CoprocessorLineRequest } from '../line-request.js';
import type { BoundLine } from './line-binding.js';

export interface SyntheticRequestContext {
  /** Name of the chip. */
  readonly chip: string;
  readonly request: LineRequestConfig;
  /** One for each offset, checked. */
  readonly configs: readonly LineConfig[];
  /** Where the lines are: one for each offset. */
  readonly lines: readonly BoundLine[];
  readonly clock: Clock;
  readonly timers: Timers;
  /** It has ended, however it did. */
  readonly onEnded: (request: SyntheticLineRequest) => void;
}

/** The lines of a request that one parent has. */
interface Part {
  readonly parent: CoprocessorChip;
  /** Index in the request, and offset on the parent. */
  readonly indexes: number[];
  readonly offsets: number[];
  request: CoprocessorLineRequest | undefined;
}

/**
 * Lines that a caller owns through a synthetic chip: one request at each of their parents, which
 * hand their events, already in this chip's terms, to one stream.
 */
export class SyntheticLineRequest implements LineRequest {
  readonly consumer: string;
  readonly offsets: readonly number[];
  readonly events$: Observable<readonly LineEvent[]>;

  private readonly events: RequestEvents;
  private readonly parts: readonly Part[];
  /** Offset on the synthetic chip to its part and index there. */
  private readonly places = new Map<number, { readonly part: Part; readonly index: number }>();
  private why: string | undefined;
  private releasing: Promise<void> | undefined;

  /** Requests the lines at their parents: all, or none. */
  static async open(context: SyntheticRequestContext): Promise<SyntheticLineRequest> {
    const request = new SyntheticLineRequest(context);
    const results = await Promise.allSettled(request.parts.map((part) => request.openPart(part)));
    const failure = results.find((result) => result.status === 'rejected');
    if (failure !== undefined) {
      await request.finish('could not be configured');
      throw failure.reason;
    }
    if (request.why !== undefined) {
      await request.releasing;
      throw new BridgeError('LINE_GONE', request.why);
    }
    return request;
  }

  private constructor(private readonly context: SyntheticRequestContext) {
    const { request, lines, clock, timers } = context;
    this.consumer = request.consumer;
    this.offsets = [...request.offsets];
    this.parts = partsOf(lines);
    for (const part of this.parts) {
      part.indexes.forEach((inRequest, index) => {
        this.places.set(this.offsets[inRequest]!, { part, index });
      });
    }
    this.events = new RequestEvents(clock, timers, this.parts.length > 1);
    this.events$ = this.events.events$;
  }

  get ended(): string | undefined {
    return this.why;
  }

  /** Every parent is asked at once, and each for all its lines. */
  async getValues(offsets: readonly number[] = this.offsets): Promise<Level[]> {
    const levels = new Array<Level>(offsets.length);
    const asked = [...this.byPart(offsets)].map(async ([part, wanted]) => {
      const values = await part.request!.getValues(wanted.map(({ offset }) => offset));
      wanted.forEach(({ at }, i) => {
        levels[at] = values[i]!;
      });
    });
    await Promise.all(asked);
    return levels;
  }

  async setValues(values: ReadonlyMap<number, Level>): Promise<void> {
    const entries = [...values];
    const byPart = this.byPart(entries.map(([offset]) => offset));
    // All are checked before any is sent.
    const setters = [...byPart].map(([part, wanted]) =>
      part.request!.prepareValues(new Map(wanted.map(({ offset, at }) => [offset, entries[at]![1]]))),
    );
    await settleAll(setters.map((set) => set()));
  }

  async reconfigure(config: LineConfig | readonly LineConfig[]): Promise<void> {
    const configs = checkLineConfigs(config, this.offsets);
    this.checkOpen();
    await settleAll(
      this.parts.map(({ request, indexes }) => request!.reconfigure(indexes.map((index) => configs[index]!))),
    );
  }

  release(): Promise<void> {
    return this.finish('released');
  }

  /** Ends it as if its lines had gone away. */
  end(reason: string): Promise<void> {
    return this.finish(reason);
  }

  private async openPart(part: Part): Promise<void> {
    const { chip, request, configs, lines } = this.context;
    const { parent, indexes, offsets } = part;
    const config = indexes.map((index) => configs[index]!);
    part.request = await parent.requestPart(
      { ...request, offsets, config },
      {
        chip,
        reservations: indexes.map((index) => lines[index]!.reservation),
        events: this.events,
        onEnd: (reason) => void this.finish(reason),
      },
    );
    // Another part's lines went away meanwhile, and the request with them.
    if (this.why !== undefined) await part.request.release();
  }

  private byPart(offsets: readonly number[]): Map<Part, { offset: number; at: number }[]> {
    this.checkOpen();
    const parts = new Map<Part, { offset: number; at: number }[]>();
    offsets.forEach((shown, at) => {
      const place = this.places.get(shown);
      if (place === undefined) throw invalid(`line ${shown} is not one of this request's`);
      const wanted = parts.get(place.part) ?? [];
      wanted.push({ offset: place.part.offsets[place.index]!, at });
      parts.set(place.part, wanted);
    });
    return parts;
  }

  private checkOpen(): void {
    if (this.why !== undefined) throw new BridgeError('CLOSED', `the request has ended: ${this.why}`);
  }

  private finish(reason: string): Promise<void> {
    this.releasing ??= this.giveBack(reason);
    return this.releasing;
  }

  private async giveBack(reason: string): Promise<void> {
    this.why = reason;
    await Promise.allSettled(this.parts.map(({ request }) => request?.release()));
    this.events.end();
    this.context.onEnded(this);
  }
}

function partsOf(lines: readonly BoundLine[]): readonly Part[] {
  const parts = new Map<CoprocessorChip, Part>();
  lines.forEach(({ parent, offset }, index) => {
    const part = parts.get(parent) ?? { parent, indexes: [], offsets: [], request: undefined };
    part.indexes.push(index);
    part.offsets.push(offset);
    parts.set(parent, part);
  });
  return [...parts.values()];
}

/** Waits for all, then throws the first failure. */
async function settleAll(promises: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(promises);
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}
