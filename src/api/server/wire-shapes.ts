import type { BridgeError } from '../../base/errors.js';
import type { Chip, ChipState, LineInfo } from '../../gpio/chip.js';
import { encodedLength, wireNumber } from '../msgpack/codec.js';
import {
  MAX_MESSAGE,
  type WireChipInfo,
  type WireChipState,
  type WireError,
  type WireLineInfo,
  type WirePage,
} from '../schema.js';

/** What the house's objects look like on the wire. */

/** Texts that a firmware chose are cut to this many UTF-16 units, so that any one fits into a message. */
const MAX_TEXT = 2_048;

export function wireError(error: BridgeError): WireError {
  return { code: error.code, name: error.name, message: clip(error.message) };
}

export function wireChipState(state: ChipState): WireChipState {
  return { kind: state.kind, reason: state.kind === 'down' ? clip(state.reason) : null };
}

export function wireChipInfo(chip: Chip): WireChipInfo {
  return {
    name: chip.name,
    label: clip(chip.label),
    lines: chip.lineCount,
    counts_loss: chip.countsLoss,
    state: wireChipState(chip.state),
  };
}

export function wireLineInfo(info: LineInfo): WireLineInfo {
  return {
    offset: info.offset,
    name: info.name === undefined ? null : clip(info.name),
    used: info.used,
    consumer: info.consumer === undefined ? null : clip(info.consumer),
    through_chip: info.throughChip ?? null,
    unavailable: info.unavailable === undefined ? null : clip(info.unavailable),
    persistent: info.persistent,
    direction: info.direction,
    active_low: info.activeLow,
    edges: info.edges,
    event_clock: info.eventClock,
    debounce_period_us: info.debouncePeriodUs,
  };
}

/** Room for the rest of the answer around a page's items. */
const PAGE_BYTES = MAX_MESSAGE - 256;

/** Items from `offset` on, as many as were asked for and fit into one message; at least one, if there is one. */
export function wirePage<Item>(
  total: number,
  itemAt: (index: number) => Item,
  { offset, count }: { offset: number; count: number },
): WirePage<Item> {
  const items: Item[] = [];
  const end = Math.min(total, offset + count);
  let index = offset;
  let bytes = 0;
  for (; index < end; index++) {
    const item = itemAt(index);
    bytes += encodedLength(item);
    if (bytes > PAGE_BYTES && items.length > 0) break;
    items.push(item);
  }
  return { items, next: index < total && offset < total ? index : null };
}

/** A copy of a status, in which counters may have outgrown 32 bits. */
export function wireStatus(value: unknown): unknown {
  if (typeof value === 'number') return wireNumber(value);
  if (Array.isArray(value)) return value.map(wireStatus);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, wireStatus(item)]));
}

function clip(text: string): string {
  return text.length <= MAX_TEXT ? text : text.slice(0, MAX_TEXT);
}
