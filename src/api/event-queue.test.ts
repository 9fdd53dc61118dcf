import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EdgeEvent } from '../events/edge-event.js';
import type { RequestEvent } from './client/types.js';
import { EventQueue } from './event-queue.js';

const REALTIME_OFFSET = 1_000_000n;

function edge(offset: number, lineSeqno: number, lost: number | null = 0): EdgeEvent {
  return {
    type: 'edge',
    chip: 'hub',
    offset,
    edge: lineSeqno % 2 === 1 ? 'rising' : 'falling',
    timestampNs: BigInt(lineSeqno),
    clock: 'monotonic',
    stampedBy: 'device',
    uncertaintyNs: 1,
    seqno: lineSeqno,
    lineSeqno,
    lost,
    levelSource: 'reported',
  };
}

function queueOf(limit: number): EventQueue<string> {
  return new EventQueue({ limit, realtimeOffsetNs: () => REALTIME_OFFSET });
}

function drain(queue: EventQueue<string>, atMost = Number.POSITIVE_INFINITY): [string, RequestEvent][] {
  const all: [string, RequestEvent][] = [];
  for (let run = queue.peek(); run !== undefined && all.length < atMost; run = queue.peek()) {
    all.push([run.owner, run.events[run.from]!]);
    queue.take(1);
  }
  return all;
}

describe('EventQueue', () => {
  it('gives back what it took, in order', () => {
    const queue = queueOf(10);
    queue.push('a', [edge(1, 1), edge(1, 2)]);
    queue.push('b', [edge(2, 1)]);
    expect(queue.length).toBe(3);
    expect(drain(queue)).toEqual([
      ['a', edge(1, 1)],
      ['a', edge(1, 2)],
      ['b', edge(2, 1)],
    ]);
    expect(queue.isEmpty).toBe(true);
  });

  it('reports dropped events of each line as a gap before what is younger', () => {
    const queue = queueOf(2);
    queue.push('a', [edge(1, 1), edge(2, 1), edge(1, 2, 3), edge(1, 6), edge(2, 2)]);
    expect(queue.dropped).toBe(3);
    const gap = { type: 'gap', chip: 'hub', reason: 'client-queue' } as const;
    expect(drain(queue)).toEqual([
      // Two dropped, and the three that the second would have told of.
      ['a', { ...gap, offset: 1, lost: 5, fromNs: 1n, toNs: 2n, level: 0 }],
      ['a', { ...gap, offset: 2, lost: 1, fromNs: 1n, toNs: 1n, level: 1 }],
      ['a', edge(1, 6)],
      ['a', edge(2, 2)],
    ]);
  });

  it('keeps what cannot be known unknown, and folds dropped gaps in', () => {
    const queue = queueOf(1);
    const restart = {
      type: 'gap',
      chip: 'hub',
      lost: null,
      reason: 'firmware-restart',
      fromNs: 5n,
      toNs: 9n,
    } as const;
    queue.push('a', [edge(1, 1), restart, edge(2, 1, null), edge(2, 2), edge(2, 3)]);
    expect(drain(queue)).toMatchObject([
      ['a', { type: 'gap', offset: 1, lost: 1 }],
      ['a', { type: 'gap', reason: 'client-queue', lost: null, fromNs: 5n, toNs: 9n }],
      ['a', { type: 'gap', offset: 2, lost: null }],
      ['a', edge(2, 3)],
    ]);
  });

  it('never drops the last state of a chip, nor the end', () => {
    const queue = queueOf(1);
    const state = { type: 'chip', chip: 'hub', state: 'down', timestampNs: 1n } as const;
    queue.push('a', [state, { ...state, state: 'up' }, { type: 'ended', chip: 'hub', reason: 'released' }]);
    queue.push('b', [edge(1, 1)]);
    expect(drain(queue)).toEqual([
      ['a', { ...state, state: 'up' }],
      ['a', { type: 'ended', chip: 'hub', reason: 'released' }],
      ['b', edge(1, 1)],
    ]);
  });

  it("places realtime events in a gap's monotonic time", () => {
    const queue = queueOf(1);
    const realtime = { ...edge(1, 1), clock: 'realtime', timestampNs: REALTIME_OFFSET + 7n } as const;
    queue.push('a', [realtime, edge(1, 2)]);
    expect(drain(queue)[0]).toMatchObject(['a', { type: 'gap', fromNs: 7n, toNs: 7n }]);
  });

  it('accounts for every event of every line, whatever is pushed and taken when', () => {
    const push = fc.record({
      owner: fc.constantFrom('a', 'b'),
      offsets: fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 12 }),
      taken: fc.integer({ min: 0, max: 10 }),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.array(push, { maxLength: 30 }), (limit, pushes) => {
        const queue = queueOf(limit);
        const sensed = new Map<string, number>();
        const out: [string, RequestEvent][] = [];
        for (const { owner, offsets, taken } of pushes) {
          queue.push(
            owner,
            offsets.map((offset) => {
              const number = (sensed.get(`${owner}${offset}`) ?? 0) + 1;
              sensed.set(`${owner}${offset}`, number);
              return edge(offset, number);
            }),
          );
          expect(queue.length).toBeLessThanOrEqual(limit);
          out.push(...drain(queue, taken));
        }
        out.push(...drain(queue));
        const next = new Map<string, number>();
        for (const [owner, event] of out) {
          if (event.type !== 'edge' && event.type !== 'gap') continue;
          const line = `${owner}${event.offset}`;
          const expected = next.get(line) ?? 1;
          if (event.type === 'edge') expect(event.lineSeqno).toBe(expected);
          next.set(line, expected + (event.type === 'edge' ? 1 : event.lost!));
        }
        for (const [line, count] of sensed) expect((next.get(line) ?? 1) - 1).toBe(count);
      }),
    );
  });
});
