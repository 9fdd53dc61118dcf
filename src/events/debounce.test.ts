import { describe, expect, it } from 'vitest';
import { HandTime } from '../../test/conformance/hand-time.js';
import type { Timers } from '../base/clock.js';
import type { Level } from '../driver/remote-gpio.js';
import { Debouncer } from './debounce.js';
import type { SensedEdge } from './sensed.js';

const MS = 1_000_000n;
const PERIOD = 10n * MS;

function edge(atMs: number, level: Level, lost: number | null = 0): SensedEdge {
  const timeNs = BigInt(Math.round(atMs * 1e6));
  return {
    kind: 'edge',
    line: 1,
    level,
    levelSource: 'reported',
    lost,
    deviceNs: null,
    arrivedNs: timeNs,
    timeNs,
    stampedBy: 'device',
    uncertaintyNs: 5,
    boottimeNs: undefined,
  };
}

function bench() {
  const time = new HandTime();
  const events: [number, Level, number | null][] = [];
  const note = (event: SensedEdge | undefined): void => {
    if (event !== undefined) events.push([Number(event.timeNs) / 1e6, event.level, event.lost]);
  };
  const debouncer = new Debouncer(PERIOD, time as Timers, note);
  let now = 0;
  const advanceTo = (ms: number): void => {
    time.advance(ms - now);
    now = ms;
  };
  /** An edge that arrives as it happens. */
  const sense = (atMs: number, level: Level, lost: number | null = 0): void => {
    advanceTo(atMs);
    note(debouncer.edge(edge(atMs, level, lost)));
  };
  return { debouncer, events, sense, advanceTo, note };
}

describe('debounce', () => {
  it('reports one event when the line was stable for a period, with the time of its end', () => {
    const { events, sense, advanceTo } = bench();
    sense(100, 1);
    advanceTo(109.9);
    expect(events).toEqual([]);
    advanceTo(110.1);
    expect(events).toEqual([[110, 1, 0]]);
  });

  it('starts the period again at every edge', () => {
    const { events, sense, advanceTo } = bench();
    sense(100, 1);
    sense(106, 0);
    sense(112, 1);
    advanceTo(121);
    expect(events).toEqual([]);
    advanceTo(130);
    expect(events).toEqual([[122, 1, 0]]);
  });

  it('says nothing of a line that is back where it was', () => {
    const { events, sense, advanceTo } = bench();
    sense(100, 1);
    sense(103, 0);
    advanceTo(200);
    expect(events).toEqual([]);
    sense(300, 1);
    advanceTo(400);
    expect(events).toEqual([[310, 1, 0]]);
  });

  it('settles by the time of the edges, not by that of their arrival', () => {
    const { events, debouncer, note, advanceTo } = bench();
    // Three edges in one read of a link that was stalled: the first was stable for 100 ms.
    note(debouncer.edge(edge(100, 1)));
    note(debouncer.edge(edge(200, 0)));
    note(debouncer.edge(edge(201, 1)));
    advanceTo(20);
    // The bounce at 200 ended where it began.
    expect(events).toEqual([[110, 1, 0]]);
  });

  it('counts what was lost on the way, and takes no silence for stable where edges are missing', () => {
    const { events, sense, advanceTo } = bench();
    sense(100, 1);
    sense(105, 1, 3);
    advanceTo(120);
    expect(events).toEqual([[115, 1, 3]]);
    sense(130, 0);
    sense(131, 1, null);
    sense(132, 0, 0);
    advanceTo(200);
    expect(events.at(-1)).toEqual([142, 0, null]);
  });

  it('knows from the count of a first edge where the line was before', () => {
    const { events, sense, advanceTo } = bench();
    // Two edges, one of them lost: the line is where it was.
    sense(100, 1, 1);
    advanceTo(200);
    expect(events).toEqual([]);
  });

  it('takes the level of a gap, and forgets what had not settled', () => {
    const { events, debouncer, sense, advanceTo } = bench();
    sense(100, 1);
    debouncer.gap({
      kind: 'gap',
      line: 1,
      lost: null,
      reason: 'firmware-restart',
      level: 0,
      deviceNs: null,
      fromNs: 0n,
      toNs: 1n,
    });
    advanceTo(200);
    expect(events).toEqual([]);
    sense(300, 1);
    advanceTo(311);
    expect(events).toEqual([[310, 1, 0]]);
  });
});
