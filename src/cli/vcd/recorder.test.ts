import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EdgeEvent, Gap } from '../../events/edge-event.js';
import type { Level } from '../../gpio/chip.js';
import type { Watched } from '../watch/sink.js';
import { TimeAxis } from '../watch/time-axis.js';
import { header } from './header.js';
import { VcdRecorder } from './recorder.js';

const START = 1_000_000n;
const LIMITS = { windowMs: 500, most: 1_000, holdMs: 10_000 };
/** When everything that came at 0 has waited long enough. */
const LATER = 1_000;

function watchedOf(initial: readonly Level[], countsLoss = true): Watched {
  return {
    chips: [
      {
        name: 'hub',
        label: 'fw 1',
        countsLoss,
        clockErrorNs: 38_000,
        lines: initial.map((level, offset) => ({ offset, name: `L${offset}`, initial: level })),
      },
    ],
    clock: 'monotonic',
    startNs: START,
    startRealtimeNs: 1_700_000_000_000_000_000n,
    daemonVersion: '1.2.3',
  };
}

function recorderOf(initial: readonly Level[], countsLoss = true, limits = LIMITS): VcdRecorder {
  const watched = watchedOf(initial, countsLoss);
  const clock = { monotonicNs: () => START, realtimeNs: () => 0n };
  return new VcdRecorder(watched, new TimeAxis(watched, clock), limits);
}

function edge(offset: number, level: Level, atNs: number, more: Partial<EdgeEvent> = {}): EdgeEvent {
  return {
    type: 'edge',
    chip: 'hub',
    offset,
    edge: level === 1 ? 'rising' : 'falling',
    timestampNs: START + BigInt(atNs),
    clock: 'monotonic',
    stampedBy: 'device',
    uncertaintyNs: 100,
    seqno: 1,
    lineSeqno: 1,
    lost: 0,
    levelSource: 'reported',
    ...more,
  };
}

function gap(fromNs: number, toNs: number, more: Partial<Gap> = {}): Gap {
  const times = { fromNs: START + BigInt(fromNs), toNs: START + BigInt(toNs) };
  return { type: 'gap', chip: 'hub', lost: null, reason: 'link', ...times, ...more };
}

const state = (kind: 'up' | 'down' | 'starting', atNs: number) =>
  ({ type: 'chip', chip: 'hub', state: kind, timestampNs: START + BigInt(atNs) }) as const;

/** `#5 1A 0B #9 xA` */
const flat = (text: string) => text.trim().replaceAll('\n', ' ');

describe('the header', () => {
  it('says what, when, from whom and how exactly', () => {
    const text = header(watchedOf([0, 1]), 'gpiobridge 0.1.0');
    expect(text).toBe(
      [
        '$date 2023-11-14T22:13:20.000000000Z $end',
        '$version gpiobridge 0.1.0 $end',
        '$comment daemon: gpiobridge 1.2.3 $end',
        '$comment time 0 is CLOCK_MONOTONIC 0.001000000 s $end',
        '$comment chip hub [fw 1]; its clock is known within 38000 ns $end',
        '$timescale 1 ns $end',
        '$scope module hub $end',
        '$var wire 1 A L0 $end',
        '$var wire 1 B L1 $end',
        '$upscope $end',
        '$enddefinitions $end',
        '#0',
        '$dumpvars',
        '0A',
        '1B',
        '$end',
        '',
      ].join('\n'),
    );
  });
});

describe('edges', () => {
  it('are written in the order of their times, once others had time to come', () => {
    const recorder = recorderOf([0, 0]);
    recorder.take([edge(0, 1, 50), edge(0, 0, 70)], 0);
    expect(recorder.advance(400)).toBe('');
    recorder.take([edge(1, 1, 60)], 400);
    expect(flat(recorder.advance(LATER))).toBe('#50 1A #60 1B #70 0A');
  });

  it('are moved up and counted when they come too late', () => {
    const recorder = recorderOf([0, 0]);
    recorder.take([edge(0, 1, 50)], 0);
    expect(flat(recorder.advance(LATER))).toBe('#50 1A');
    recorder.take([edge(1, 1, 20), edge(1, 0, 30), edge(0, 0, 90)], LATER);
    expect(flat(recorder.advance(2 * LATER))).toBe('1B #51 0B #90 0A');
    expect(recorder.notes()).toContain('2 changes came too late');
  });

  it('of one line stay apart when their times are the same', () => {
    const recorder = recorderOf([0]);
    recorder.take([edge(0, 1, 50), edge(0, 0, 50), edge(0, 1, 50)], 0);
    expect(flat(recorder.end())).toBe('#50 1A #51 0A #52 1A #53');
  });

  it('correct the first level where it was read after them', () => {
    const recorder = recorderOf([1, 1]);
    recorder.take([edge(0, 1, 5), edge(1, 0, 6)], 0);
    expect(flat(recorder.end())).toBe('0A #5 1A #6 0B #7');
  });

  it('come out before their time when too many wait', () => {
    const recorder = recorderOf([0], true, { ...LIMITS, most: 4 });
    for (let at = 1; at <= 5; at++) recorder.take([edge(0, at % 2 === 1 ? 1 : 0, at)], 0);
    expect(recorder.full).toBe(true);
    expect(flat(recorder.advance(0))).toBe('#1 1A #2 0A #3 1A');
    expect(recorder.full).toBe(false);
  });
});

describe('gaps', () => {
  it('are x until the level is known again', () => {
    const recorder = recorderOf([0, 1]);
    recorder.take([edge(0, 1, 10), gap(20, 40), edge(0, 0, 60)], 0);
    expect(flat(recorder.end(100))).toBe('#10 1A #20 xA xB #60 0A #100');
    expect(recorder.notes()).toContain('an unknown number of edges lost on every line of hub (link)');
  });

  it('end with the level they report, after the edge before them', () => {
    const recorder = recorderOf([0, 1]);
    recorder.take([edge(0, 1, 10), gap(10, 40, { offset: 0, lost: 3, level: 0 })], 0);
    expect(flat(recorder.end(50))).toBe('#10 1A #11 xA #40 0A #50');
    expect(recorder.notes()).toContain('3 edges lost on hub 0 "L0" (link), now inactive, between');
  });

  it('end with the next edge where that was sensed before the news of them came', () => {
    const recorder = recorderOf([0]);
    recorder.take([gap(10, 40, { offset: 0, lost: 2, level: 0 }), edge(0, 1, 30)], 0);
    expect(flat(recorder.end(50))).toBe('#10 xA #30 1A #50');
  });

  it('end with a level that was read, where nothing told it before', () => {
    const recorder = recorderOf([0, 0]);
    recorder.take([gap(10, 40), edge(0, 1, 45)], 0);
    const levels = new Map<number, Level>([
      [0, 0],
      [1, 1],
    ]);
    recorder.levels({ chip: 'hub', levels, atNs: START + 50n }, 0);
    expect(flat(recorder.end(60))).toBe('#10 xA xB #45 1A #50 1B #60');
  });

  it('are told by an edge that lost some before it, but not of a chip that cannot count', () => {
    const counting = recorderOf([0]);
    counting.take([edge(0, 1, 10), edge(0, 0, 90, { lost: 2 })], 0);
    expect(flat(counting.end())).toBe('#10 1A #11 xA #90 0A #91');
    const blind = recorderOf([0], false);
    blind.take([edge(0, 1, 10, { lost: null }), edge(0, 0, 90, { lost: null })], 0);
    expect(flat(blind.end())).toBe('#10 1A #90 0A #91');
  });
});

describe('a chip that is down', () => {
  it('holds back what may still come from before, and leaves no trace when nothing is missing', () => {
    const recorder = recorderOf([0]);
    recorder.take([edge(0, 1, 10), state('down', 100)], 0);
    expect(flat(recorder.advance(LATER))).toBe('#10 1A');
    recorder.take([edge(0, 0, 70), edge(0, 1, 150), state('up', 200)], 2_000);
    expect(flat(recorder.end(300))).toBe('#70 0A #150 1A #300');
    expect(recorder.notes()).toContain('chip hub is down');
  });

  it('is x from its going when it stays away', () => {
    const recorder = recorderOf([1]);
    recorder.take([state('down', 100), state('starting', 120)], 0);
    expect(recorder.advance(9_000)).toBe('');
    expect(flat(recorder.advance(11_000))).toBe('#100 xA');
    recorder.take([state('up', 500)], 12_000);
    recorder.levels({ chip: 'hub', levels: new Map([[0, 1]]), atNs: START + 600n }, 12_000);
    expect(flat(recorder.end(700))).toBe('#600 1A #700');
  });
});

describe('any events', () => {
  const step = fc.record({
    offset: fc.integer({ min: 0, max: 2 }),
    stepNs: fc.integer({ min: 0, max: 50 }),
    kind: fc.constantFrom('edge', 'edge', 'edge', 'gap', 'tick'),
  });

  it('make times that only grow, and a dump that ends with the last level of each line', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const recorder = recorderOf([0, 0, 0]);
        const last = ['0', '0', '0'];
        const times = [0, 0, 0];
        let text = '';
        steps.forEach(({ offset, stepNs, kind }, index) => {
          times[offset] += stepNs;
          if (kind === 'tick') text += recorder.advance(index * 300);
          else if (kind === 'gap') {
            recorder.take([gap(times[offset], times[offset] + 5, { offset })], index * 300);
            last[offset] = 'x';
          } else {
            const level = last[offset] === '1' ? 0 : 1;
            recorder.take([edge(offset, level, times[offset])], index * 300);
            last[offset] = String(level);
          }
        });
        text += recorder.end();
        const stamps = [...text.matchAll(/^#(\d+)$/gm)].map(([, at]) => Number(at));
        expect(stamps).toEqual([...new Set(stamps)].sort((a, b) => a - b));
        const ends = ['A', 'B', 'C'].map(
          (code) => [...text.matchAll(new RegExp(`^([01x])${code}$`, 'gm'))].at(-1)?.[1] ?? '0',
        );
        expect(ends).toEqual(last);
      }),
    );
  });
});
