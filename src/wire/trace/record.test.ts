import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DISCARD_REASONS, type SerialFrame } from '../serial-frame.js';
import { decodeTraceHead, encodeTraceHead, TRACE_VERSION, type TraceHead } from './file-head.js';
import {
  FATES,
  findRecord,
  LINK_STATES,
  putRecord,
  RECORD_HEAD,
  readRecord,
  recordLength,
  type TraceRecord,
} from './record.js';

const payload = fc.uint8Array({ maxLength: 1024 });
const session = fc.nat(0xffff_ffff);
const frame: fc.Arbitrary<SerialFrame> = fc.oneof(
  fc.record({ kind: fc.constant('data' as const), ns: fc.nat(7), nr: fc.nat(7), payload }),
  fc.record({ kind: fc.constant('ack' as const), nr: fc.nat(7), nak: fc.boolean() }),
  fc.record({ kind: fc.constant('plain' as const), payload }),
  fc.record({
    kind: fc.constantFrom('rst' as const, 'rstack' as const),
    window: fc.integer({ min: 1, max: 7 }),
    maxPayload: fc.integer({ min: 64, max: 0xffff }),
    session,
  }),
);
const stamped = { atNs: fc.bigInt({ min: 0n, max: (1n << 63n) - 1n }), source: fc.nat(0xffff) };
const record: fc.Arbitrary<TraceRecord> = fc.oneof(
  fc.record({
    ...stamped,
    kind: fc.constant('frame' as const),
    direction: fc.constantFrom('in' as const, 'out' as const),
    fate: fc.constantFrom(...FATES),
    frame,
  }),
  fc.record({
    ...stamped,
    kind: fc.constant('damaged' as const),
    reason: fc.constantFrom(...DISCARD_REASONS),
    bytes: payload,
  }),
  fc.record({
    ...stamped,
    kind: fc.constant('state' as const),
    state: fc.constantFrom(...LINK_STATES),
    text: fc.string({ maxLength: 200, unit: 'grapheme' }),
  }),
  fc.record({ ...stamped, kind: fc.constant('lost' as const), count: fc.maxSafeNat() }),
  fc.record({
    ...stamped,
    kind: fc.constant('source' as const),
    added: fc.record({
      id: fc.nat(0xffff),
      name: fc.string({ maxLength: 30 }),
      link: fc.string({ maxLength: 60 }),
      kind: fc.constantFrom('serial' as const, 'message' as const),
    }),
  }),
);

function encode(records: readonly TraceRecord[]): Uint8Array {
  const bytes = new Uint8Array(records.reduce((sum, each) => sum + recordLength(each), 0));
  let at = 0;
  for (const each of records) at = putRecord(each, bytes, at);
  expect(at).toBe(bytes.length);
  return bytes;
}

/** Bytes of any kind as numbers, so that views of buffers compare. */
const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, item) => {
      if (typeof item === 'bigint') return `${item}n`;
      return item instanceof Uint8Array ? [...item] : item;
    }),
  );

describe('records of a trace', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 8 }), (records) => {
        const bytes = encode(records);
        const read: unknown[] = [];
        for (let at = 0; at < bytes.length; ) {
          const next = readRecord(bytes, at);
          if (next.kind !== 'record') throw new Error(next.kind);
          read.push(plain({ ...next.record }));
          at = next.end;
        }
        expect(read).toEqual(records.map((each) => plain({ ...each })));
      }),
    );
  });

  it('are cut wherever the bytes end, and nothing else', () => {
    fc.assert(
      fc.property(record, (one) => {
        const bytes = encode([one]);
        for (let length = 0; length < bytes.length; length += 7) {
          expect(readRecord(bytes.subarray(0, length), 0).kind).toBe('cut');
        }
      }),
    );
  });

  it('are found again behind damage', () => {
    const one: TraceRecord = { kind: 'lost', atNs: 5n, source: 1, count: 2 };
    const bytes = Uint8Array.of(1, 2, 3, ...encode([one]));
    expect(readRecord(bytes, 0).kind).toBe('damaged');
    const at = findRecord(bytes, 1);
    expect(at).toBe(3);
    expect(readRecord(bytes, at)).toMatchObject({ kind: 'record', record: one });
  });

  it('of a later version are passed over whole', () => {
    const bytes = encode([{ kind: 'lost', atNs: 5n, source: 1, count: 2 }]);
    bytes[2] = 200;
    expect(readRecord(bytes, 0)).toEqual({ kind: 'unknown', end: RECORD_HEAD + 8 });
  });

  it('never throw, whatever the bytes', () => {
    const marked = fc.uint8Array({ maxLength: 80 }).map((bytes) => Uint8Array.of(0x47, 0x52, ...bytes));
    fc.assert(
      fc.property(fc.oneof(marked, fc.uint8Array({ maxLength: 80 })), (bytes) => {
        expect(['record', 'unknown', 'cut', 'damaged']).toContain(readRecord(bytes, 0).kind);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the head of a trace', () => {
  const head: TraceHead = {
    madeBy: 'gpiobridge 1.2.3',
    recording: 'a-b-c',
    part: 3,
    monotonicNs: 123_456_789_012_345n,
    realtimeNs: 1_795_232_582_116_485_365n,
    sources: [{ id: 0, name: 'hub', link: 'unix:/tmp/hub', kind: 'serial' }],
  };

  it('is read as it was written, and where the records begin', () => {
    const bytes = encodeTraceHead(head);
    expect(decodeTraceHead(Uint8Array.of(...bytes, 1, 2))).toEqual({ kind: 'head', head, end: bytes.length });
  });

  it('is cut wherever the bytes end', () => {
    const bytes = encodeTraceHead(head);
    for (let length = 0; length < bytes.length; length++) {
      expect(decodeTraceHead(bytes.subarray(0, length)).kind).toBe('cut');
    }
  });

  it('tells another version, and what is no trace', () => {
    const bytes = encodeTraceHead(head);
    bytes[8] = TRACE_VERSION + 1;
    expect(decodeTraceHead(bytes)).toEqual({ kind: 'version', version: TRACE_VERSION + 1 });
    expect(decodeTraceHead(Buffer.from('#!/bin/sh\necho no trace here')).kind).toBe('no-trace');
    expect(
      decodeTraceHead(Buffer.concat([encodeTraceHead(head).subarray(0, 16), Buffer.alloc(400)])).kind,
    ).toBe('no-trace');
  });
});
