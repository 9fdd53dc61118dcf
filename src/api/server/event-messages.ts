import type { EventQueue } from '../event-queue.js';
import { MAX_ROW, writeRow } from '../event-rows.js';
import type { Writer } from '../msgpack/writer.js';
import { MAX_MESSAGE, MESSAGE, NOTIFICATION } from '../schema.js';

/** Whose events they are, as the client knows it. */
export interface EventOwner {
  readonly id: number;
}

/** Longest head of an `events` notification: two arrays, the method, the id, and the rows' count. */
const MAX_HEAD = 32;

/** Size of a chunk: one message of the largest size, or many small ones. */
export const CHUNK_SIZE = MAX_MESSAGE;

/**
 * Moves events out of `queue` into `out` (a writer over {@link CHUNK_SIZE} bytes, empty) as
 * `events` notifications, one for each run of one owner, until the chunk is full or the queue empty.
 */
export function writeEventMessages(out: Writer, queue: EventQueue<EventOwner>): void {
  for (;;) {
    const run = queue.peek();
    if (run === undefined || out.at + MAX_HEAD + MAX_ROW > CHUNK_SIZE) return;
    const countAt = writeHead(out, run.owner.id);
    const { events, from } = run;
    let index = from;
    while (index < events.length && out.at + MAX_ROW <= CHUNK_SIZE) writeRow(out, events[index++]!);
    out.patchArray16(countAt, index - from);
    queue.take(index - from);
  }
}

function writeHead(out: Writer, id: number): number {
  out.arrayFast(3);
  out.uintFast(MESSAGE.NOTIFICATION);
  out.string(NOTIFICATION.EVENTS);
  out.arrayFast(2);
  out.uintFast(id);
  const countAt = out.at;
  out.array16Fast(0);
  return countAt;
}
