import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EdgeEvent, Gap } from '../events/edge-event.js';
import type { RequestEvent } from './client/types.js';
import { EventQueue } from './event-queue.js';
import { eventOfRow, eventRow, LONGEST_LINE_ROW, LONGEST_TEXT_ROW } from './event-rows.js';
import { decode, encode } from './msgpack/codec.js';
import { MAX_MESSAGE } from './schema.js';
import { type EventOwner, takeEventMessage } from './server/event-messages.js';

const count = fc.oneof(fc.nat(), fc.maxSafeInteger().map(Math.abs));
const time = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
const orNull = fc.option(count);

const edge: fc.Arbitrary<EdgeEvent> = fc.record(
  {
    type: fc.constant('edge'),
    chip: fc.constant('hub'),
    offset: fc.nat({ max: 0xffff_ffff }),
    edge: fc.constantFrom('rising', 'falling'),
    timestampNs: time,
    clock: fc.constantFrom('monotonic', 'realtime'),
    stampedBy: fc.constantFrom('device', 'host'),
    uncertaintyNs: orNull,
    boottimeNs: time,
    seqno: count,
    lineSeqno: count,
    lost: orNull,
    levelSource: fc.constantFrom('reported', 'read'),
  },
  {
    requiredKeys: [
      'type',
      'chip',
      'offset',
      'edge',
      'timestampNs',
      'clock',
      'stampedBy',
      'uncertaintyNs',
      'seqno',
      'lineSeqno',
      'lost',
      'levelSource',
    ],
  },
);

const gap: fc.Arbitrary<Gap> = fc.record(
  {
    type: fc.constant('gap'),
    chip: fc.constant('hub'),
    offset: fc.nat({ max: 0xffff_ffff }),
    lost: orNull,
    reason: fc.constantFrom('overflow', 'link', 'firmware-restart', 'client-queue', 'disabled', 'no-count'),
    fromNs: time,
    toNs: time,
    level: fc.constantFrom(0, 1),
  },
  { requiredKeys: ['type', 'chip', 'lost', 'reason', 'fromNs', 'toNs'] },
);

const reason = fc.string({ unit: 'grapheme', maxLength: 100 }).filter((text) => text.length <= 300);
const text: fc.Arbitrary<RequestEvent> = fc.oneof(
  fc.record({ type: fc.constant('ended'), chip: fc.constant('hub'), reason }),
  fc.record(
    {
      type: fc.constant('chip'),
      chip: fc.constant('hub'),
      state: fc.constantFrom('up', 'starting', 'down'),
      reason,
      timestampNs: time,
    },
    { requiredKeys: ['type', 'chip', 'state', 'timestampNs'] },
  ),
);

const received = (bytes: Uint8Array) => decode(bytes) as [number, string, [number, unknown[]]];

describe('event rows', () => {
  it('bring every event over whole, within their bounds', () => {
    fc.assert(
      fc.property(fc.oneof(edge, gap, text), (event) => {
        const bytes = encode(eventRow(event));
        expect(eventOfRow(decode(bytes), 'hub')).toEqual(event);
        const bound = event.type === 'edge' || event.type === 'gap' ? LONGEST_LINE_ROW : LONGEST_TEXT_ROW;
        expect(bytes.length).toBeLessThanOrEqual(bound);
      }),
    );
  });

  it('are as docs/api.md has them', () => {
    const base = { chip: 'hub', offset: 3, timestampNs: 7n, seqno: 1, lineSeqno: 2, lost: 0 } as const;
    const falling = { ...base, type: 'edge', edge: 'falling', uncertaintyNs: 0.5 } as const;
    expect(
      eventRow({ ...falling, clock: 'realtime', stampedBy: 'host', levelSource: 'read', boottimeNs: 9n }),
    ).toEqual([0, 3, 15, 7n, 1, 1, 2, 0, 9n]);
    const wide = { lost: null, seqno: 2 ** 33, clock: 'monotonic', stampedBy: 'device' } as const;
    expect(eventRow({ ...falling, ...wide, edge: 'rising', levelSource: 'reported' })).toEqual([
      0,
      3,
      0,
      7n,
      1,
      8_589_934_592n,
      2,
      null,
    ]);
    const lost = { type: 'gap', chip: 'hub', lost: 4, reason: 'overflow', fromNs: 1n, toNs: 2n } as const;
    expect(eventRow(lost)).toEqual([1, null, 4, 'overflow', 1n, 2n, null]);
    expect(eventRow({ type: 'chip', chip: 'hub', state: 'up', timestampNs: 1n })).toEqual([
      2,
      'up',
      null,
      1n,
    ]);
    expect(eventRow({ type: 'ended', chip: 'hub', reason: 'released' })).toEqual([3, 'released']);
  });

  it('are cut where a reason is endless', () => {
    const row = eventRow({ type: 'ended', chip: 'hub', reason: '\u{20ac}'.repeat(100_000) });
    expect(encode(row).length).toBeLessThanOrEqual(LONGEST_TEXT_ROW);
  });

  it('take values added at their end, and refuse what is no row', () => {
    const row = [...eventRow({ type: 'ended', chip: 'hub', reason: 'x' }), 'more', { later: 1 }];
    expect(eventOfRow(row, 'hub')).toEqual({ type: 'ended', chip: 'hub', reason: 'x' });
    for (const bad of [
      null,
      {},
      'x',
      [],
      [4],
      [0, 1],
      [1, null, 0],
      [2, 'up', 5],
      [3],
      ['0', 1, 0, 1, 1, 1, 1, 1],
    ]) {
      expect(() => eventOfRow(bad, 'hub')).toThrow(TypeError);
    }
  });

  it('never throw anything else, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.anything({ withBigInt: true, withDate: true }), { maxLength: 10 }), (row) => {
        try {
          eventOfRow(row, 'hub');
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(TypeError);
        }
      }),
    );
  });
});

describe('event messages', () => {
  it('hold all that is ready of one owner, in order, and never more than a message may', () => {
    const run = fc.record({
      owner: fc.constantFrom<EventOwner>({ id: 1 }, { id: 0xffff_ffff }),
      // The longest rows there are, in numbers around what fits into one message.
      events: fc
        .tuple(fc.oneof({ arbitrary: edge, weight: 5 }, gap, text), fc.constantFrom(1, 2, 40, 2_000))
        .map(([event, times]) => new Array<RequestEvent>(times).fill(event)),
    });
    fc.assert(
      fc.property(fc.array(run, { maxLength: 6 }), (runs) => {
        const queue = new EventQueue<EventOwner>({ limit: 20_000, realtimeOffsetNs: () => 0n });
        const sent = runs.flatMap(({ owner, events }) => events.map((event) => [owner.id, event]));
        for (const { owner, events } of runs) queue.push(owner, events);
        const got: unknown[] = [];
        for (let bytes = takeEventMessage(queue); bytes !== undefined; bytes = takeEventMessage(queue)) {
          expect(bytes.length).toBeLessThanOrEqual(MAX_MESSAGE);
          const [type, method, [id, rows]] = received(bytes);
          expect([type, method]).toEqual([2, 'events']);
          expect(rows.length).toBeGreaterThan(0);
          for (const row of rows) got.push([id, eventOfRow(row, 'hub')]);
        }
        expect(got).toEqual(sent);
      }),
      { numRuns: 30 },
    );
  });

  it('are one for all pushes of one owner', () => {
    const queue = new EventQueue<EventOwner>({ limit: 100, realtimeOffsetNs: () => 0n });
    const owner = { id: 5 };
    const [event] = fc.sample(edge, { numRuns: 1, seed: 1 });
    for (let i = 0; i < 10; i++) queue.push(owner, [event!]);
    expect(received(takeEventMessage(queue)!)[2][1]).toHaveLength(10);
    expect(takeEventMessage(queue)).toBeUndefined();
  });
});
