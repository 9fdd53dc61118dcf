import type { EventQueue } from '../event-queue.js';
import { type EventRow, eventRow, LONGEST_LINE_ROW, LONGEST_TEXT_ROW } from '../event-rows.js';
import { encode } from '../msgpack/codec.js';
import { MAX_MESSAGE, MESSAGE, NOTIFICATION } from '../schema.js';

/** Whose events they are, as the client knows it. */
export interface EventOwner {
  readonly id: number;
}

/** No head of an `events` notification is longer: three arrays, type, method, id. */
const LONGEST_HEAD = 32;

/** So many rows of lines fit into a message, and one with text after them. */
export const MAX_ROWS = Math.floor((MAX_MESSAGE - LONGEST_HEAD - LONGEST_TEXT_ROW) / LONGEST_LINE_ROW);

/**
 * Takes the oldest events out of `queue`: an `events` notification with all that follow each other
 * of one owner, as far as they fit into one message. Undefined when there are none.
 */
export function takeEventMessage(queue: EventQueue<EventOwner>): Uint8Array | undefined {
  const oldest = queue.peek();
  if (oldest === undefined) return undefined;
  const { owner } = oldest;
  const rows: EventRow[] = [];
  let full = false;
  for (let run = queue.peek(); run?.owner === owner && !full; run = queue.peek()) {
    const { events, from } = run;
    let index = from;
    while (index < events.length && !full) {
      const event = events[index++]!;
      rows.push(eventRow(event));
      full = rows.length === MAX_ROWS || event.type === 'chip' || event.type === 'ended';
    }
    queue.take(index - from);
  }
  return encode([MESSAGE.NOTIFICATION, NOTIFICATION.EVENTS, [owner.id, rows]]);
}
