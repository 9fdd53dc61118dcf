import type { Level } from '../driver/remote-gpio.js';
import type { EdgeEvent, Gap, GapReason } from '../events/edge-event.js';
import type { ChipStateEvent, RequestEvent } from './client/types.js';
import { wireNumber } from './msgpack/codec.js';

/**
 * The rows of an `events` notification (docs/api.md, "Events"), both directions:
 *
 *     edge   [0, offset, flags, timestamp_ns, uncertainty_ns, seqno, line_seqno, lost (, boottime_ns)]
 *     gap    [1, offset, lost, reason, from_ns, to_ns, level]
 *     chip   [2, state, reason, timestamp_ns]
 *     ended  [3, reason]
 */
export type EventRow = readonly unknown[];

/** The first value of a row: its type. */
export const ROW = { EDGE: 0, GAP: 1, CHIP: 2, ENDED: 3 } as const;

/** Bits of an edge's flags. */
export const EDGE_FLAG = {
  FALLING: 1,
  /** The timestamp is of CLOCK_REALTIME, not CLOCK_MONOTONIC. */
  REALTIME: 2,
  /** Stamped by the host when the bytes arrived, not by the coprocessor. */
  HOST_STAMPED: 4,
  /** The level was read after the interrupt, not reported with it. */
  LEVEL_READ: 8,
} as const;

/** No row of an edge or a gap has more bytes: the head of an array, and nine values of nine bytes. */
export const LONGEST_LINE_ROW = 82;
/** No row with free text has more bytes: {@link MAX_REASON} units of three bytes, and the values beside it. */
export const LONGEST_TEXT_ROW = 1_024;
/** Longest free text in a row, UTF-16 units. */
const MAX_REASON = 300;

/** An event as it goes over the wire. */
export function eventRow(event: RequestEvent): EventRow {
  if (event.type === 'edge') return edgeRow(event);
  if (event.type === 'gap') return gapRow(event);
  if (event.type === 'ended') return [ROW.ENDED, event.reason.slice(0, MAX_REASON)];
  return [ROW.CHIP, event.state, event.reason?.slice(0, MAX_REASON) ?? null, event.timestampNs];
}

function edgeRow(event: EdgeEvent): EventRow {
  const row: unknown[] = [
    ROW.EDGE,
    event.offset,
    flagsOf(event),
    event.timestampNs,
    // A bound may have come out with a fraction, and is a bound still when it is rounded up.
    event.uncertaintyNs === null ? null : wireNumber(Math.ceil(event.uncertaintyNs)),
    wireNumber(event.seqno),
    wireNumber(event.lineSeqno),
    event.lost === null ? null : wireNumber(event.lost),
  ];
  if (event.boottimeNs !== undefined) row.push(event.boottimeNs);
  return row;
}

function flagsOf(event: EdgeEvent): number {
  return (
    (event.edge === 'falling' ? EDGE_FLAG.FALLING : 0) |
    (event.clock === 'realtime' ? EDGE_FLAG.REALTIME : 0) |
    (event.stampedBy === 'host' ? EDGE_FLAG.HOST_STAMPED : 0) |
    (event.levelSource === 'read' ? EDGE_FLAG.LEVEL_READ : 0)
  );
}

function gapRow({ offset, lost, reason, fromNs, toNs, level }: Gap): EventRow {
  const count = lost === null ? null : wireNumber(lost);
  return [ROW.GAP, offset ?? null, count, reason, fromNs, toNs, level ?? null];
}

/**
 * The event of a row; `chip` is the name of the chip whose socket it came from. Values added at
 * the row's end later are ignored. Throws for what is no row.
 */
export function eventOfRow(row: unknown, chip: string): RequestEvent {
  if (!Array.isArray(row)) throw new TypeError('an event row that is no array');
  switch (row[0]) {
    case ROW.EDGE:
      return edgeOf(row, chip);
    case ROW.GAP:
      return gapOf(row, chip);
    case ROW.CHIP:
      return chipEventOf(row, chip);
    case ROW.ENDED:
      return { type: 'ended', chip, reason: text(row[1]) };
    default:
      throw new TypeError(`an event row of type ${row[0]}`);
  }
}

function edgeOf(row: EventRow, chip: string): EdgeEvent {
  const flags = integer(row[2]);
  const event: EdgeEvent = {
    type: 'edge',
    chip,
    offset: integer(row[1]),
    edge: (flags & EDGE_FLAG.FALLING) === 0 ? 'rising' : 'falling',
    timestampNs: time(row[3]),
    clock: (flags & EDGE_FLAG.REALTIME) === 0 ? 'monotonic' : 'realtime',
    stampedBy: (flags & EDGE_FLAG.HOST_STAMPED) === 0 ? 'device' : 'host',
    uncertaintyNs: integerOrNull(row[4]),
    seqno: integer(row[5]),
    lineSeqno: integer(row[6]),
    lost: integerOrNull(row[7]),
    levelSource: (flags & EDGE_FLAG.LEVEL_READ) === 0 ? 'reported' : 'read',
  };
  return (row[8] ?? null) === null ? event : { ...event, boottimeNs: time(row[8]) };
}

function gapOf(row: EventRow, chip: string): Gap {
  const offset = integerOrNull(row[1]);
  const level = integerOrNull(row[6]);
  return {
    type: 'gap',
    chip,
    lost: integerOrNull(row[2]),
    reason: text(row[3]) as GapReason,
    fromNs: time(row[4]),
    toNs: time(row[5]),
    ...(offset === null ? {} : { offset }),
    ...(level === null ? {} : { level: (level === 0 ? 0 : 1) as Level }),
  };
}

function chipEventOf(row: EventRow, chip: string): ChipStateEvent {
  return {
    type: 'chip',
    chip,
    state: text(row[1]) as ChipStateEvent['state'],
    ...(row[2] === null ? {} : { reason: text(row[2]) }),
    timestampNs: time(row[3]),
  };
}

function integer(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  throw unexpected('an integer', value);
}

function integerOrNull(value: unknown): number | null {
  return value === null ? null : integer(value);
}

function time(value: unknown): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value);
  throw unexpected('a time', value);
}

function text(value: unknown): string {
  if (typeof value === 'string') return value;
  throw unexpected('a string', value);
}

function unexpected(wanted: string, value: unknown): TypeError {
  return new TypeError(`expected ${wanted} in an event row, got ${typeof value}`);
}
