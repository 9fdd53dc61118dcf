import type { ChipState, LineConfig, LineInfo } from '../../gpio/chip.js';
import type {
  WireChipInfo,
  WireChipState,
  WireLineChange,
  WireLineConfig,
  WireLineInfo,
  WirePage,
} from '../schema.js';
import type { ChipInfo, LineChange } from './types.js';

/** The daemon's answers as this API gives them, and its arguments as the daemon takes them. */

export function chipStateOf({ kind, reason }: WireChipState): ChipState {
  return kind === 'down' ? { kind, reason: reason ?? '' } : { kind };
}

export function chipInfoOf(info: WireChipInfo): ChipInfo {
  const { name, label, lines, counts_loss: countsLoss, state } = info;
  return { name, label, lines, countsLoss, state: chipStateOf(state) };
}

export function lineInfoOf(info: WireLineInfo): LineInfo {
  return {
    offset: info.offset,
    ...(info.name === null ? {} : { name: info.name }),
    used: info.used,
    ...(info.consumer === null ? {} : { consumer: info.consumer }),
    ...((info.through_chip ?? null) === null ? {} : { throughChip: info.through_chip! }),
    ...((info.unavailable ?? null) === null ? {} : { unavailable: info.unavailable! }),
    persistent: info.persistent,
    direction: info.direction,
    activeLow: info.active_low,
    edges: info.edges,
    eventClock: info.event_clock,
    debouncePeriodUs: info.debounce_period_us,
  };
}

export function lineChangeOf(change: WireLineChange): LineChange {
  const { kind, timestamp_ns, info, lost } = change;
  return { kind, timestampNs: BigInt(timestamp_ns), info: lineInfoOf(info), lost };
}

export function wireConfig(
  config: LineConfig | readonly LineConfig[],
): WireLineConfig | readonly WireLineConfig[] {
  return Array.isArray(config)
    ? (config as readonly LineConfig[]).map(wireLineConfig)
    : wireLineConfig(config as LineConfig);
}

function wireLineConfig(config: LineConfig): WireLineConfig {
  return {
    direction: config.direction,
    edges: config.edges,
    active_low: config.activeLow,
    event_clock: config.eventClock,
    ...(config.value === undefined ? {} : { value: config.value }),
    ...(config.debouncePeriodUs === undefined ? {} : { debounce_period_us: config.debouncePeriodUs }),
  };
}

/** All items of a paged list; `page` asks for the page from an offset on. */
export async function allPages<Item>(page: (offset: number) => Promise<unknown>): Promise<Item[]> {
  const all: Item[] = [];
  for (let offset: number | null = 0; offset !== null; ) {
    const { items, next } = (await page(offset)) as WirePage<Item>;
    for (const item of items) all.push(item);
    offset = next !== null && next > offset ? next : null;
  }
  return all;
}

/**
 * A status with camelCase keys all the way down; what is called counters keeps its names. Numbers
 * above 32 bits come as bigint and become numbers, but for the one time that may not lose its last digits.
 */
export function statusOf(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(statusOf);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      key === 'offset_ns' ? item : key.endsWith('counters') ? numbersOf(item) : statusOf(item),
    ]),
  );
}

function numbersOf(counters: unknown): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(counters ?? {}).map(([key, count]) => [key, Number(count)]));
}
