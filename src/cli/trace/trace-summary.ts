import { IRQ_STATUS } from '../../wire/virtio-gpio.js';
import { fateOf, kindOf, type TraceEntry } from './entry.js';
import { secondsText } from './entry-text.js';

/** Counts what a trace holds: by kind, direction and fate, by message, by second. */
export class TraceSummary {
  private readonly coprocessors = new Map<string, CoprocessorSummary>();
  private firstNs: bigint | undefined;
  private lastNs = 0n;

  take(entry: TraceEntry): void {
    const { record, coprocessor, sinceStartNs } = entry;
    if (record.kind === 'source') return;
    this.firstNs ??= sinceStartNs;
    this.lastNs = sinceStartNs;
    let summary = this.coprocessors.get(coprocessor);
    if (summary === undefined) {
      summary = { name: coprocessor, records: new Map(), messages: new Map(), packetBytes: 0, edges: 0 };
      this.coprocessors.set(coprocessor, summary);
    }
    count(summary, entry);
  }

  /** What `decode --summary --json` prints. */
  json(): Record<string, unknown> {
    return {
      type: 'summary',
      fromNs: this.firstNs ?? 0n,
      toNs: this.lastNs,
      coprocessors: [...this.coprocessors.values()].map(
        ({ name, records, messages, packetBytes, edges }) => ({
          name,
          records: [...records.values()],
          messages: [...messages].map(([type, number]) => ({ message: type, count: number })),
          packetBytes,
          edges,
        }),
      ),
    };
  }

  /** Lines for a person. */
  text(): string[] {
    const first = this.firstNs ?? 0n;
    const spanNs = this.lastNs - first;
    const seconds = Number(spanNs) / 1e9;
    const rate = (number: number): string => (seconds > 0 ? `${(number / seconds).toFixed(1)}/s` : '');
    const lines = [
      `from ${secondsText(first)} s to ${secondsText(this.lastNs)} s, ${secondsText(spanNs)} s in all`,
    ];
    for (const { name, records, messages, packetBytes, edges } of this.coprocessors.values()) {
      lines.push(
        '',
        `${name}: ${edges} edges ${rate(edges)}, ${packetBytes} bytes of packets ${rate(packetBytes)}`,
      );
      for (const { direction, kind, fate, count: number } of [...records.values()].sort(byPlace)) {
        lines.push(row(`${ARROWS[direction]} ${kind} ${fate}`, number, rate(number)));
      }
      for (const [type, number] of [...messages].sort()) lines.push(row(type, number, rate(number)));
    }
    return lines;
  }
}

interface CoprocessorSummary {
  readonly name: string;
  readonly records: Map<string, RecordCount>;
  /** Packets that were sent first or delivered, by message type. */
  readonly messages: Map<string, number>;
  packetBytes: number;
  /** VALID events delivered. */
  edges: number;
}

interface RecordCount {
  readonly direction: keyof typeof ARROWS;
  readonly kind: string;
  readonly fate: string;
  count: number;
}

const ARROWS = { in: '<', out: '>', none: '-' } as const;

function count(summary: CoprocessorSummary, entry: TraceEntry): void {
  const { record, spoken } = entry;
  const kind = kindOf(entry);
  const fate = record.kind === 'state' ? record.state : fateOf(entry);
  const direction = record.kind === 'frame' ? record.direction : record.kind === 'damaged' ? 'in' : 'none';
  const key = `${direction} ${kind} ${fate}`;
  const known = summary.records.get(key);
  const number = record.kind === 'lost' ? record.count : 1;
  if (known === undefined) summary.records.set(key, { direction, kind, fate, count: number });
  else known.count += number;
  if (record.kind !== 'frame' || spoken === undefined) return;
  if (record.fate !== 'sent' && record.fate !== 'delivered') return;
  const { type } = spoken.message;
  summary.messages.set(type, (summary.messages.get(type) ?? 0) + 1);
  if (type === 'gpio-interrupt' || type === 'srtm-notification') summary.edges++;
  const { frame } = record;
  if (frame.kind === 'data' || frame.kind === 'plain') summary.packetBytes += frame.payload.length;
  for (const buffer of spoken.buffers) {
    if (buffer.kind === 'event' && buffer.status === IRQ_STATUS.VALID) summary.edges++;
  }
}

function byPlace(a: RecordCount, b: RecordCount): number {
  const text = (row: RecordCount): string => `${row.direction} ${row.kind} ${row.fate}`;
  return text(a) < text(b) ? -1 : 1;
}

function row(what: string, number: number, rate: string): string {
  return `  ${what.padEnd(34)} ${String(number).padStart(9)} ${rate.padStart(11)}`.trimEnd();
}
