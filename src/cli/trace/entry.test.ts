import { describe, expect, it } from 'vitest';
import { TraceSpeech } from '../../trace/trace-speech.js';
import type { TraceRecord } from '../../wire/trace/record.js';
import { encodeBus } from '../../wire/virtio-msg/bus.js';
import { toJson } from '../output.js';
import type { TraceEntry } from './entry.js';
import { passes } from './entry-filter.js';
import { entryJson } from './entry-json.js';
import { entryText, secondsText } from './entry-text.js';
import { parseTraceFiles, parseTraceSize } from './trace-options.js';
import { TraceSummary } from './trace-summary.js';

const REALTIME = 1_795_232_582_116_485_365n;

function entry(record: TraceRecord): TraceEntry {
  return {
    record,
    coprocessor: 'hub',
    carries: 'serial',
    spoken: new TraceSpeech().of(record),
    sinceStartNs: record.atNs,
    realtimeNs: REALTIME,
  };
}

const boot = encodeBus({ type: 'boot', bootId: 0x1234 });
const delivered: TraceRecord = {
  kind: 'frame',
  atNs: 1_234_567_890n,
  source: 0,
  direction: 'in',
  fate: 'delivered',
  frame: { kind: 'data', ns: 3, nr: 5, payload: boot },
};
const nak: TraceRecord = {
  kind: 'frame',
  atNs: 2_000_000_000n,
  source: 0,
  direction: 'out',
  fate: 'sent',
  frame: { kind: 'ack', nr: 4, nak: true },
};
const damaged: TraceRecord = {
  kind: 'damaged',
  atNs: 3_000_000_000n,
  source: 0,
  reason: 'crc',
  bytes: Uint8Array.of(6, 0xff, 1),
};
const state: TraceRecord = {
  kind: 'state',
  atNs: 4_000_000_000n,
  source: 0,
  state: 'down',
  text: 'unplugged',
};
const nonsense: TraceRecord = { ...delivered, frame: { kind: 'plain', payload: Uint8Array.of(1, 2) } };
const entries = [delivered, nak, damaged, state].map(entry);

describe('a record as a line', () => {
  it.each([
    [
      delivered,
      '03:43:02.116485     1.234567  hub      < delivered       DATA ns 3 nr 5  BUS_BOOT: boot_id 0x00001234',
    ],
    [nak, '03:43:02.116485     2.000000  hub      > sent            NAK nr 4'],
    [damaged, '03:43:02.116485     3.000000  hub      < discarded crc   3 bytes 06ff01'],
    [state, '03:43:02.116485     4.000000  hub      -                 link down: unplugged'],
    [
      { ...state, text: 'a\u001b[2J\nb' },
      '03:43:02.116485     4.000000  hub      -                 link down: a?[2J?b',
    ],
    [nonsense, '03:43:02.116485     1.234567  hub      < dropped header-cut PLAIN  dropped: header-cut'],
  ])('%#', (record, line) => {
    expect(entryText(entry(record))).toBe(line);
  });

  it('has seconds that may be negative', () => {
    expect([0n, -1_500_000n, 12_000_000_001n].map(secondsText)).toEqual([
      '0.000000',
      '-0.001500',
      '12.000000',
    ]);
  });
});

describe('a message of a link without frames', () => {
  const message: TraceEntry = {
    ...entry({ ...delivered, frame: { kind: 'plain', payload: boot } }),
    carries: 'message',
  };

  it('is no frame', () => {
    expect(entryText(message)).toMatch(/ {2}hub {6}< delivered {7}MESSAGE {2}BUS_BOOT: boot_id 0x00001234$/);
    expect(entryJson(message)).toMatchObject({ type: 'message', packet: Buffer.from(boot).toString('hex') });
    expect(passes(message, { kinds: new Set(['message']) })).toBe(true);
    expect(passes(message, { kinds: new Set(['plain']) })).toBe(false);
  });
});

describe('a record as JSON', () => {
  it('has the message and the bytes', () => {
    expect(JSON.parse(toJson(entryJson(entry(delivered))))).toEqual({
      type: 'data',
      coprocessor: 'hub',
      time_ns: '1234567890',
      since_start_ns: '1234567890',
      realtime_ns: String(REALTIME),
      direction: 'in',
      fate: 'delivered',
      ns: 3,
      nr: 5,
      packet: Buffer.from(boot).toString('hex'),
      message: { type: 'boot', name: 'BUS_BOOT', boot_id: 0x1234 },
    });
  });

  it('has the kind, fate and bytes of what is no message', () => {
    expect(entryJson(entry(damaged))).toMatchObject({ type: 'damaged', reason: 'crc', bytes: '06ff01' });
    expect(entryJson(entry(nak))).toMatchObject({ type: 'nak', fate: 'sent', nr: 4 });
    expect(entryJson(entry(state))).toMatchObject({ type: 'state', state: 'down', reason: 'unplugged' });
  });
});

describe('the filter', () => {
  const shown = (filter: Parameters<typeof passes>[1]) =>
    entries.filter((one) => passes(one, filter)).map(({ record }) => record);

  it('selects by coprocessor, time, kind and message', () => {
    expect(shown({})).toHaveLength(4);
    expect(shown({ coprocessor: 'other' })).toEqual([]);
    expect(shown({ fromNs: 2_000_000_000n, toNs: 3_000_000_000n })).toEqual([nak, damaged]);
    expect(shown({ kinds: new Set(['nak', 'state']) })).toEqual([nak, state]);
    expect(shown({ kinds: new Set(['boot']) })).toEqual([delivered]);
    expect(shown({ kinds: new Set(['data']) })).toEqual([delivered]);
    expect(shown({ kinds: new Set(['ack']) })).toEqual([]);
  });
});

describe('the summary', () => {
  it('counts by direction, kind and fate, with rates', () => {
    const summary = new TraceSummary();
    for (const one of [...entries, entry({ ...damaged, atNs: 5_234_567_890n })]) summary.take(one);
    expect(summary.text()).toEqual([
      'from 1.234567 s to 5.234567 s, 4.000000 s in all',
      '',
      `hub: 0 edges 0.0/s, ${boot.length} bytes of packets ${(boot.length / 4).toFixed(1)}/s`,
      '  < damaged discarded crc                    2       0.5/s',
      '  < data delivered                           1       0.3/s',
      '  - state down                               1       0.3/s',
      '  > nak sent                                 1       0.3/s',
      '  boot                                       1       0.3/s',
    ]);
  });

  it('of nothing is empty', () => {
    expect(new TraceSummary().text()).toEqual(['from 0.000000 s to 0.000000 s, 0.000000 s in all']);
  });
});

describe('the options of daemon --trace', () => {
  it.each([
    ['500k', 512_000],
    ['32M', 33_554_432],
    ['1G', 1_073_741_824],
    ['262144', 262_144],
  ])('size %s', (text, bytes) => {
    expect(parseTraceSize(text)).toBe(bytes);
  });

  it.each(['', '1', '32m', '-1M', '2000G', '1.5M', 'M'])("no size '%s'", (text) => {
    expect(() => parseTraceSize(text)).toThrow(`--trace-size: '${text}' is no size`);
  });

  it.each(['0', '1001', '-1', 'x', ''])("no number of files '%s'", (text) => {
    expect(() => parseTraceFiles(text)).toThrow('--trace-files');
    expect(parseTraceFiles('1')).toBe(1);
  });
});
