import { describe, expect, it } from 'vitest';
import type { EdgeEvent, Gap } from '../../src/events/edge-event.js';
import { CELLS, type Cell } from './cells.js';
import type { Outage } from './gap-cover.js';
import { LineJudge } from './judge.js';
import { broken } from './promise.js';
import { PinTruth } from './truth.js';
import { newVerdict, type Verdict } from './verdict.js';

const MS = 1e6;
/** An edge of the pin each so long: number i (from 0) at (i + 1) of them, the first one rising. */
const STEP_NS = 10 * MS;
const EDGES = 10;

const timeOf = (index: number): number => (index + 1) * STEP_NS;
const levelOf = (index: number): 0 | 1 => (index % 2 === 0 ? 1 : 0);

/** The event that tells of an edge as it was, or as forged. */
function edge(index: number, forged: Partial<EdgeEvent> = {}): EdgeEvent {
  return {
    type: 'edge',
    chip: 'hub',
    offset: 0,
    edge: levelOf(index) === 1 ? 'rising' : 'falling',
    timestampNs: BigInt(timeOf(index)),
    clock: 'monotonic',
    stampedBy: 'device',
    uncertaintyNs: 1_000,
    seqno: index + 1,
    lineSeqno: index + 1,
    lost: 0,
    levelSource: 'reported',
    ...forged,
  };
}

/** As of a dialect that cannot count. */
function uncounted(index: number, forged: Partial<EdgeEvent> = {}): EdgeEvent {
  return edge(index, { stampedBy: 'host', uncertaintyNs: null, lost: null, levelSource: 'read', ...forged });
}

function gap(lost: number | null, fromNs: number, toNs: number, forged: Partial<Gap> = {}): Gap {
  const times = { fromNs: BigInt(fromNs), toNs: BigInt(toNs) };
  return { type: 'gap', chip: 'hub', offset: 0, lost, reason: 'overflow', ...times, ...forged };
}

const outage = (restartNs: number, lengthNs = 0): Outage => ({
  fromNs: restartNs,
  restartNs,
  toNs: restartNs + lengthNs,
});

const edges = (from: number, to: number, of = edge): EdgeEvent[] =>
  Array.from({ length: to - from }, (_, i) => of(from + i));

interface History {
  readonly events: readonly (EdgeEvent | Gap)[];
  readonly outages?: readonly Outage[];
  readonly cell?: Partial<Cell>;
  /** Edges that happened. */
  readonly happened?: number;
  readonly counts?: boolean;
}

function judged({ events, outages = [], happened = EDGES, counts = true }: History): Verdict {
  const truth = new PinTruth();
  for (let i = 0; i < happened; i++) truth.add(levelOf(i), timeOf(i), timeOf(i));
  const verdict = newVerdict();
  const judge = new LineJudge(truth, verdict, { counts, epochNs: 0n });
  for (const event of events) {
    if (event.type === 'gap') judge.gap(event);
    else judge.edge(event, Number(event.timestampNs) + MS);
  }
  judge.end(outages);
  return verdict;
}

/** What of the promise the history breaks. */
function complaints(history: History): string[] {
  const { happened = EDGES, counts = true, cell = {} } = history;
  return broken({
    cell: { ...CELLS[0]!, ...cell },
    edges: happened,
    verdict: judged(history),
    worstRecoveryMs: undefined,
    unrecovered: 0,
    peakRssBytes: 0,
    counts,
  });
}

describe('of a device that counts, the judge takes for true', () => {
  it.each<[string, History]>([
    ['every edge', { events: edges(0, EDGES) }],
    ['edges that the next one counts', { events: [edge(0), edge(4, { lost: 3 }), ...edges(5, EDGES)] }],
    ['a counted gap at the end', { events: [...edges(0, 6), gap(4, timeOf(5), timeOf(9), { level: 0 })] }],
    ['a counted gap without a level', { events: [...edges(0, 7), gap(3, timeOf(6), timeOf(9))] }],
    [
      'a restart in its gap, with the level that was read',
      {
        events: [...edges(0, 4), gap(null, timeOf(3), timeOf(6), { level: 1 }), ...edges(7, EDGES)],
        outages: [outage(timeOf(5))],
        cell: { forgets: true },
      },
    ],
    [
      'a restart after which counting begins with lost edges',
      {
        events: [...edges(0, 4), gap(null, timeOf(3), timeOf(5)), edge(8, { lost: 2 }), edge(9)],
        outages: [outage(timeOf(4))],
        cell: { forgets: true },
      },
    ],
    [
      'edges after a restart whose times fit several, by those that follow',
      {
        events: [
          ...edges(0, 4),
          gap(null, timeOf(3), timeOf(7), { level: 1 }),
          // Its time fits edges 4, 6 and 8, that of the next one 6 and 8, as the edge before it.
          edge(8, { uncertaintyNs: 4.5 * STEP_NS }),
          edge(9, { uncertaintyNs: 2.5 * STEP_NS }),
          edge(11, { lost: 1 }),
        ],
        happened: 12,
        outages: [outage(timeOf(5), STEP_NS)],
        cell: { forgets: true },
      },
    ],
  ])('%s', (_, history) => {
    expect(complaints(history)).toEqual([]);
  });
});

describe('of a device that counts, the judge names', () => {
  const middle = [...edges(0, 4), gap(null, timeOf(3), timeOf(6), { level: 1 }), ...edges(7, EDGES)];
  const forgets = { cell: { forgets: true } };

  it.each<[string, string, History]>([
    ['an edge that is missing', 'lost without a trace', { events: [...edges(0, 9)] }],
    ['an edge that is missing in between', 'invented', { events: [edge(0), edge(1), ...edges(3, EDGES)] }],
    ['an edge of the other direction', 'invented', { events: [edge(0, { edge: 'falling' })] }],
    ['an edge too many', 'invented', { events: [...edges(0, EDGES), edge(EDGES)] }],
    ['an edge twice', 'delivered twice', { events: [...edges(0, 5), edge(4), ...edges(5, EDGES)] }],
    [
      'an edge before an earlier one',
      'out of order',
      { events: [edge(0), edge(2, { lost: 1 }), edge(1), ...edges(3, EDGES)] },
    ],
    [
      'a gap that counts more than happened',
      '3 edges counted as lost that never happened',
      { events: [...edges(0, 8), gap(5, timeOf(7), timeOf(9), { level: 0 })] },
    ],
    [
      'an edge that counts more than happened',
      '2 edges counted as lost that never happened',
      { events: [...edges(0, 8), edge(9, { lost: 4 })] },
    ],
    [
      'an edge after a restart that counts more than happened since',
      'counted as lost that never happened',
      {
        events: [...edges(0, 4), gap(null, timeOf(3), timeOf(4)), edge(6, { lost: 7 }), ...edges(7, EDGES)],
        outages: [outage(timeOf(3))],
        ...forgets,
      },
    ],
    [
      'a gap after a restart that counts more than happened',
      'counted as lost that never happened',
      {
        events: [...edges(0, 4), gap(null, timeOf(3), timeOf(4)), gap(9, timeOf(4), timeOf(9))],
        outages: [outage(timeOf(3))],
        ...forgets,
      },
    ],
    ['a time outside of its bound', 'outside of their bound', { events: [edge(0, { timestampNs: 1n })] }],
    [
      'a level of a gap that the pin does not have in the end',
      'wrong levels',
      { events: [...edges(0, 8), gap(2, timeOf(7), timeOf(9), { level: 1 })] },
    ],
    [
      'a level of a gap that later edges put right',
      'wrong levels',
      { events: [...edges(0, 4), gap(2, timeOf(3), timeOf(5), { level: 1 }), ...edges(6, EDGES)] },
    ],
    [
      'a level that was read and that the pin did not have then',
      'wrong levels',
      {
        events: [...edges(0, 4), gap(null, timeOf(4) + 1e5, timeOf(4) + 2e5, { level: 0 }), edge(5)],
        outages: [outage(timeOf(4) + 1.5e5)],
        ...forgets,
      },
    ],
    [
      'a line whose level nobody told after a restart',
      '1 lines whose level is not known in the end',
      {
        events: [...edges(0, EDGES), gap(null, timeOf(9), timeOf(10))],
        outages: [outage(timeOf(9) + MS)],
        ...forgets,
      },
    ],
    [
      'a restart that no gap tells of',
      'restarts that are not in one gap',
      { events: edges(0, EDGES), outages: [outage(timeOf(4))] },
    ],
    [
      'a restart in two gaps',
      '1 restarts that are not in one gap',
      {
        events: [
          ...edges(0, 4),
          gap(null, timeOf(3), timeOf(6)),
          gap(null, timeOf(4), timeOf(6)),
          ...edges(7, EDGES),
        ],
        outages: [outage(timeOf(5))],
        ...forgets,
      },
    ],
    [
      'a restart outside of its gap',
      'restarts that are not in one gap',
      { events: middle, outages: [outage(timeOf(8))], ...forgets },
    ],
    ['a gap without a restart', 'gaps of unknown size without a restart', { events: middle, ...forgets }],
    [
      'edges in a gap where nothing was to be forgotten',
      '3 edges in gaps of unknown size',
      { events: middle, outages: [outage(timeOf(5))] },
    ],
    [
      'one gap over everything',
      'longer than the outage',
      {
        events: [gap(null, 0, 60e9, { level: 0 })],
        happened: 500,
        outages: [outage(20e9, 300 * MS), outage(22e9, 300 * MS)],
        ...forgets,
      },
    ],
    ['that nothing came', 'nothing was delivered', { events: [] }],
    [
      'that nothing was counted where something had to be',
      'nothing was counted as lost',
      { events: edges(0, EDGES), cell: { losesCounted: true } },
    ],
  ])('%s', (_, what, history) => {
    expect(complaints(history).join('; ')).toContain(what);
  });
});

describe('of a device that cannot count', () => {
  const cannot = { counts: false };

  it('the judge takes for true what may have been', () => {
    const late = { timestampNs: BigInt(timeOf(4) + 3 * MS) };
    const seen = [uncounted(0), uncounted(3), uncounted(4, late), uncounted(9)];
    expect(complaints({ events: seen, ...cannot })).toEqual([]);
    const corrected = [uncounted(0), gap(null, timeOf(0), timeOf(9), { level: 0 })];
    expect(complaints({ events: corrected, ...cannot })).toEqual([]);
  });

  it.each<[string, string, History]>([
    ['an edge before it happened', 'invented', { events: [uncounted(0, { timestampNs: 1n })] }],
    [
      'an edge again, at a later time',
      'delivered twice',
      {
        events: [
          uncounted(0),
          uncounted(2, { edge: 'rising' }),
          uncounted(2, { timestampNs: BigInt(timeOf(2) + 5 * MS) }),
        ],
      },
    ],
    [
      'more edges than the pin made by then',
      'invented',
      { events: [...edges(0, 4, uncounted), uncounted(4, { timestampNs: BigInt(timeOf(3) + MS) })] },
    ],
    [
      'an edge for which only one of long ago could be the cause',
      'invented',
      { events: [uncounted(0), uncounted(9, { timestampNs: BigInt(timeOf(9) + 60e9) })] },
    ],
    ['a last level that nothing tells', 'wrong levels', { events: edges(0, 9, uncounted) }],
    [
      'a level that is not known in the end',
      'level is not known in the end',
      { events: [...edges(0, EDGES, uncounted), gap(null, timeOf(9), timeOf(10))] },
    ],
  ])('the judge names %s', (_, what, history) => {
    expect(complaints({ ...history, ...cannot }).join('; ')).toContain(what);
  });
});

describe('of a cell, the promise names', () => {
  const good = {
    cell: CELLS[0]!,
    edges: EDGES,
    verdict: judged({ events: edges(0, EDGES) }),
    worstRecoveryMs: undefined,
    unrecovered: 0,
    peakRssBytes: 80e6,
    counts: true,
  };

  it('nothing where nothing is wrong', () => {
    expect(broken(good)).toEqual([]);
  });

  it.each([
    ['figures that do not add up', { edges: EDGES + 1 }, '1 edges that the figures do not add up to'],
    ['a disturbance after which nothing came', { unrecovered: 2 }, '2 disturbances after which nothing came'],
    ['memory beyond its bound', { peakRssBytes: 2 ** 30 }, '1024 MB of resident memory'],
  ])('%s', (_, forged, what) => {
    expect(broken({ ...good, ...forged })).toEqual([what]);
  });
});
