import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Known, LineHistory, STEPS } from './line-history.js';

const STEP = 10;

describe('LineHistory', () => {
  it('knows edges and levels of stretches of time', () => {
    const history = new LineHistory(0, STEP);
    history.edge(1, 25);
    history.edge(0, 27);
    history.edge(1, 41);
    expect(history.stretch(0, 1)).toEqual({ edges: 0, level: 0, unknown: false });
    expect(history.stretch(2, 2)).toEqual({ edges: 2, level: 0, unknown: false });
    expect(history.stretch(3, 4)).toEqual({ edges: 1, level: 1, unknown: false });
    expect(history.stretch(5, 900)).toEqual({ edges: 0, level: 1, unknown: false });
    expect(history.stretch(-5, -1).level).toBeUndefined();
    expect(history.total).toBe(3);
  });

  it('remembers that a level was unknown, however shortly', () => {
    const history = new LineHistory(0, STEP);
    history.set('x', 21);
    history.edge(1, 28);
    expect(history.stretch(1, 1).unknown).toBe(false);
    expect(history.stretch(2, 2)).toEqual({ edges: 1, level: 1, unknown: true });
    expect(history.stretch(3, 3).unknown).toBe(false);
    history.set('x', 41);
    expect(history.stretch(7, 7)).toEqual({ edges: 0, level: 'x', unknown: true });
  });

  it('agrees with a history that keeps everything', () => {
    const change = fc.record({
      gapNs: fc.oneof(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 2 * STEPS * STEP })),
      level: fc.constantFrom<Known>(0, 1, 'x'),
    });
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 60 }),
        fc.nat(STEPS - 1),
        fc.nat(40),
        (changes, back, width) => {
          const history = new LineHistory(0, STEP);
          const all: { step: number; level: Known; edge: boolean }[] = [];
          let atNs = 0;
          for (const { gapNs, level } of changes) {
            atNs += gapNs;
            all.push({ step: Math.floor(atNs / STEP), level, edge: level !== 'x' });
            if (level === 'x') history.set('x', atNs);
            else history.edge(level, atNs);
          }
          const head = Math.floor(atNs / STEP);
          const first = Math.max(0, head - back);
          const last = Math.min(head, first + width);
          const inside = all.filter(({ step }) => step >= first && step <= last);
          const before = all.filter(({ step }) => step < first).at(-1)?.level ?? 0;
          const seen = history.stretch(first, last);
          expect(seen.edges).toBe(inside.filter(({ edge }) => edge).length);
          expect(seen.level).toBe(inside.at(-1)?.level ?? before);
          const untouched = inside.every(({ level }) => level !== 'x') && before !== 'x';
          if (untouched) expect(seen.unknown).toBe(false);
          if (inside.some(({ level }) => level === 'x')) expect(seen.unknown).toBe(true);
        },
      ),
    );
  });
});
