import type { BridgeError } from '../../base/errors.js';
import { EventQueue } from '../event-queue.js';
import { eventOfRow } from '../event-rows.js';
import { AsyncHandover } from './async-handover.js';
import type { RequestEvent } from './types.js';

/** Events waiting for their consumer above which the socket is no longer read. */
const PAUSE_ABOVE = 4_096;
/** Events waiting at which it is read again. */
const RESUME_BELOW = 1_024;
/**
 * Most events kept. Reading goes on above PAUSE_ABOVE only while a call waits for its answer, which
 * comes behind events; what is too much then is dropped and counted as the daemon does it.
 */
const KEEP_AT_MOST = 65_536;

/** Whether the socket is to be read, as far as this buffer is concerned. */
export type FlowControl = (read: boolean) => void;

/** The events of one line request between the socket and their consumer. */
export class EventBuffer {
  readonly #chip: string;
  readonly #flow: FlowControl;
  readonly #queue = new EventQueue<undefined>({
    limit: KEEP_AT_MOST,
    realtimeOffsetNs: () => BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint(),
  });
  readonly #handover: AsyncHandover<readonly RequestEvent[]>;
  #full = false;
  #ended: string | undefined;
  #broken: BridgeError | undefined;

  constructor(chip: string, flow: FlowControl) {
    this.#chip = chip;
    this.#flow = flow;
    this.#handover = new AsyncHandover(
      () => this.#take(),
      () => this.#finished(),
    );
  }

  /** Why the request ended, once its last event came. */
  get ended(): string | undefined {
    return this.#ended;
  }

  /** Whether it holds as much as it wants. */
  get full(): boolean {
    return this.#full;
  }

  /** Takes the rows of a notification; throws for what is none. */
  receive(rows: readonly unknown[]): void {
    this.#add(rows.map((row) => eventOfRow(row, this.#chip)));
  }

  /** The connection is gone: what was received can still be taken. */
  close(error: BridgeError): void {
    this.#broken = error;
    this.#handover.wake();
  }

  /** For one consumer. */
  events(): AsyncIterable<readonly RequestEvent[]> {
    return this.#handover.values();
  }

  #add(events: readonly RequestEvent[]): void {
    if (events.length === 0) return;
    this.#queue.push(undefined, events);
    const last = events[events.length - 1]!;
    if (last.type === 'ended') this.#ended = last.reason;
    if (!this.#full && this.#queue.length > PAUSE_ABOVE) {
      this.#full = true;
      this.#flow(false);
    }
    this.#handover.wake();
  }

  #take(): readonly RequestEvent[] | undefined {
    const run = this.#queue.peek();
    if (run === undefined) return undefined;
    const events = run.from === 0 ? run.events : run.events.slice(run.from);
    this.#queue.take(events.length);
    if (this.#full && this.#queue.length < RESUME_BELOW) {
      this.#full = false;
      this.#flow(true);
    }
    return events;
  }

  #finished(): { error?: Error } | undefined {
    if (this.#ended !== undefined || this.#broken?.name === 'CLOSED') return {};
    return this.#broken === undefined ? undefined : { error: this.#broken };
  }
}
