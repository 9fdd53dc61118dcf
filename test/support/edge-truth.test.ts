import { describe, expect, it } from 'vitest';
import type { LineEvent } from '../../src/events/edge-event.js';
import { EdgeTruth } from './edge-truth.js';

const edge = (edge: 'rising' | 'falling', lineSeqno: number, timestampNs: bigint): LineEvent => ({
  type: 'edge',
  chip: 'hub',
  offset: 1,
  edge,
  timestampNs,
  clock: 'monotonic',
  stampedBy: 'host',
  uncertaintyNs: null,
  seqno: lineSeqno,
  lineSeqno,
  lost: null,
  levelSource: 'read',
});
const gap = (level?: 0 | 1): LineEvent => ({
  type: 'gap',
  chip: 'hub',
  offset: 1,
  lost: null,
  reason: 'no-count',
  fromNs: 0n,
  toNs: 0n,
  ...(level === undefined ? {} : { level }),
});

const channelGap: LineEvent = { type: 'gap', chip: 'hub', lost: null, reason: 'link', fromNs: 0n, toNs: 0n };

/** Line 1 rose at 10, fell at 20, rose at 30. */
function truth(): EdgeTruth {
  let now = 0n;
  const made = new EdgeTruth(() => now);
  for (const level of [1, 0, 1] as const) {
    now += 10n;
    made.made(1, level);
    made.made(1, level);
  }
  return made;
}

describe('the judge of lines that nobody counts', () => {
  it.each([
    ['all edges', [edge('rising', 1, 11n), edge('falling', 2, 21n), edge('rising', 3, 31n)]],
    ['one of them', [edge('rising', 1, 11n)]],
    ['the others in a gap', [edge('rising', 1, 11n), edge('falling', 2, 22n), gap(1)]],
    ['only what is now', [gap(1)]],
    ['that the channel broke', [edge('rising', 1, 11n), channelGap]],
  ])('takes %s', (_, events) => {
    expect(truth().violations(events, [1], true)).toEqual([]);
  });

  it.each([
    ['an edge too early', [edge('rising', 1, 9n)], 'invented: it comes 1 ns before'],
    [
      'one more than there were',
      [edge('rising', 1, 31n), edge('falling', 2, 32n), edge('rising', 3, 33n), edge('falling', 4, 34n)],
      'invented: there were no more',
    ],
    ['the same twice', [edge('rising', 1, 11n), edge('rising', 2, 12n)], 'no gap is between'],
    [
      'the same twice behind a gap',
      [edge('rising', 1, 11n), gap(), edge('rising', 2, 12n)],
      'invented: it comes 18 ns before',
    ],
    ['a number that is missing', [edge('rising', 2, 11n)], 'is not number 1'],
    [
      'a level that is wrong in the end',
      [edge('rising', 1, 11n), edge('falling', 2, 21n)],
      'is 1, and events say 0',
    ],
    ['a level that is unknown in the end', [edge('rising', 1, 11n), gap()], 'is 1, and events say nothing'],
    ['nothing', [], 'is 1, and events say 0'],
  ])('does not take %s', (_, events, why) => {
    expect(truth().violations(events, [1], true).join('\n')).toContain(why);
  });
});
