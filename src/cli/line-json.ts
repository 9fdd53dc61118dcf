import type { LineInfo } from '../gpio/chip.js';

/** What `--json` prints of a line (info; notify, with what happened). */
export function lineObject(chip: string, info: LineInfo): object {
  const { offset, name, direction, activeLow, edges, eventClock, debouncePeriodUs } = info;
  const { used, consumer, persistent } = info;
  return {
    type: 'line',
    chip,
    offset,
    name: name ?? null,
    direction,
    activeLow,
    edges,
    eventClock,
    debouncePeriodUs,
    used,
    consumer: consumer ?? null,
    throughChip: info.throughChip ?? null,
    unavailable: info.unavailable ?? null,
    persistent,
  };
}
