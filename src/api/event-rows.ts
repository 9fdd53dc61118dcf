import type { Level } from '../driver/remote-gpio.js';
import type { EdgeEvent, Gap, GapReason } from '../events/edge-event.js';
import type { ChipStateEvent, EndedEvent, RequestEvent } from './client/types.js';
import { type Reader, UnexpectedValue } from './msgpack/reader.js';
import type { Writer } from './msgpack/writer.js';

/**
 * The rows of an `events` notification (docs/api.md, "Events"), both directions. This is the path
 * every edge takes: rows are written and read without a value in between.
 *
 *     edge   [0, offset, flags, timestamp_ns, uncertainty_ns, seqno, line_seqno, lost (, boottime_ns)]
 *     gap    [1, offset, lost, reason, from_ns, to_ns, level]
 *     chip   [2, state, reason, timestamp_ns]
 *     ended  [3, reason]
 */
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

/** No row is longer than this: an edge of nine values of nine bytes, or a chip's state with its reason. */
export const MAX_ROW = 1_024;
/** Longest reason in a row, UTF-16 units (three bytes each at most). */
const MAX_REASON = 300;

/** Writes one row; the caller reserved {@link MAX_ROW} bytes. */
export function writeRow(out: Writer, event: RequestEvent): void {
  if (event.type === 'edge') writeEdge(out, event);
  else if (event.type === 'gap') writeGap(out, event);
  else if (event.type === 'chip') writeChip(out, event);
  else {
    out.arrayFast(2);
    out.uintFast(ROW.ENDED);
    out.string(event.reason.slice(0, MAX_REASON));
  }
}

function writeEdge(out: Writer, event: EdgeEvent): void {
  out.arrayFast(event.boottimeNs === undefined ? 8 : 9);
  out.uintFast(ROW.EDGE);
  out.uintFast(event.offset);
  out.uintFast(flagsOf(event));
  out.u64Fast(event.timestampNs);
  writeUintOrNil(out, event.uncertaintyNs);
  out.uintFast(event.seqno);
  out.uintFast(event.lineSeqno);
  writeUintOrNil(out, event.lost);
  if (event.boottimeNs !== undefined) out.u64Fast(event.boottimeNs);
}

function flagsOf(event: EdgeEvent): number {
  return (
    (event.edge === 'falling' ? EDGE_FLAG.FALLING : 0) |
    (event.clock === 'realtime' ? EDGE_FLAG.REALTIME : 0) |
    (event.stampedBy === 'host' ? EDGE_FLAG.HOST_STAMPED : 0) |
    (event.levelSource === 'read' ? EDGE_FLAG.LEVEL_READ : 0)
  );
}

function writeGap(out: Writer, gap: Gap): void {
  out.arrayFast(7);
  out.uintFast(ROW.GAP);
  writeUintOrNil(out, gap.offset ?? null);
  writeUintOrNil(out, gap.lost);
  out.string(gap.reason);
  out.u64Fast(gap.fromNs);
  out.u64Fast(gap.toNs);
  writeUintOrNil(out, gap.level ?? null);
}

function writeChip(out: Writer, event: ChipStateEvent): void {
  out.arrayFast(4);
  out.uintFast(ROW.CHIP);
  out.string(event.state);
  if (event.reason === undefined) out.nilFast();
  else out.string(event.reason.slice(0, MAX_REASON));
  out.u64Fast(event.timestampNs);
}

function writeUintOrNil(out: Writer, value: number | null): void {
  if (value === null) out.nilFast();
  // A bound on time may have come out with a fraction, and is a bound still when it is rounded up.
  else out.uintFast(Number.isInteger(value) ? value : Math.ceil(value));
}

/** Reads one row; `chip` is the name of the chip whose socket it came from. Throws {@link UnexpectedValue}. */
export function readRow(from: Reader, chip: string): RequestEvent {
  const values = from.array();
  const type = from.uint();
  if (type === ROW.EDGE && values >= 8) return readEdge(from, chip, values);
  if (type === ROW.GAP && values === 7) return readGap(from, chip);
  if (type === ROW.CHIP && values === 4) return readChip(from, chip);
  if (type === ROW.ENDED && values === 2) return { type: 'ended', chip, reason: from.string() };
  throw new UnexpectedValue(`an event row of type ${type} with ${values} values`);
}

function readEdge(from: Reader, chip: string, values: number): EdgeEvent {
  const offset = from.uint();
  const flags = from.uint();
  const event: EdgeEvent = {
    type: 'edge',
    chip,
    offset,
    edge: (flags & EDGE_FLAG.FALLING) === 0 ? 'rising' : 'falling',
    timestampNs: from.u64(),
    clock: (flags & EDGE_FLAG.REALTIME) === 0 ? 'monotonic' : 'realtime',
    stampedBy: (flags & EDGE_FLAG.HOST_STAMPED) === 0 ? 'device' : 'host',
    uncertaintyNs: from.uintOrNil(),
    seqno: from.uint(),
    lineSeqno: from.uint(),
    lost: from.uintOrNil(),
    levelSource: (flags & EDGE_FLAG.LEVEL_READ) === 0 ? 'reported' : 'read',
  };
  return values === 8 ? event : { ...event, boottimeNs: from.u64() };
}

function readGap(from: Reader, chip: string): Gap {
  const offset = from.uintOrNil();
  const lost = from.uintOrNil();
  const reason = from.string() as GapReason;
  const gap = { type: 'gap', chip, lost, reason, fromNs: from.u64(), toNs: from.u64() } as const;
  const level = from.uintOrNil();
  return {
    ...gap,
    ...(offset === null ? {} : { offset }),
    ...(level === null ? {} : { level: (level === 0 ? 0 : 1) as Level }),
  };
}

function readChip(from: Reader, chip: string): ChipStateEvent {
  const state = from.string() as ChipStateEvent['state'];
  const reason = from.stringOrNil();
  const timestampNs = from.u64();
  return { type: 'chip', chip, state, ...(reason === null ? {} : { reason }), timestampNs };
}

/** An ended row's event. */
export function endedEvent(chip: string, reason: string): EndedEvent {
  return { type: 'ended', chip, reason };
}
