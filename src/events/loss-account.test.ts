import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InterruptItem, InterruptType, Level } from '../driver/remote-gpio.js';
import { LossAccount } from './loss-account.js';
import type { Sensed } from './sensed.js';

const LINE = 3;

const enabled = (type: InterruptType = 'both'): InterruptItem => ({ kind: 'enabled', line: LINE, type });
const edge = (seq: number | null, level: Level | null): InterruptItem => ({
  kind: 'edge',
  line: LINE,
  seq: seq === null ? null : seq >>> 0,
  level,
  deviceNs: seq === null ? null : BigInt(seq) * 1000n,
});
const account = (seq: number, level: Level): InterruptItem => ({
  kind: 'account',
  line: LINE,
  seq: seq >>> 0,
  level,
  deviceNs: 1n,
});
const levelRead = (level: Level | null): InterruptItem => ({ kind: 'level', line: LINE, level });

function take(...items: InterruptItem[]): Sensed[] {
  return new LossAccount().take(items, 500n);
}

describe('a device that counts', () => {
  it('reports no loss while seq is consecutive from 1', () => {
    const events = take(enabled(), edge(1, 1), edge(2, 0), edge(3, 1));
    expect(events.map((event) => event.lost)).toEqual([0, 0, 0]);
  });

  it('reports a jump of seq on the edge after it, the first edge included', () => {
    const events = take(enabled(), edge(4, 0), edge(9, 1));
    expect(events.map((event) => event.lost)).toEqual([3, 4]);
  });

  it('reports what an account names and no edge will as a gap with its level', () => {
    const events = take(enabled(), edge(1, 1), account(6, 0), edge(7, 1));
    expect(events).toMatchObject([
      { kind: 'edge', lost: 0 },
      { kind: 'gap', line: LINE, lost: 5, reason: 'overflow', level: 0 },
      { kind: 'edge', lost: 0 },
    ]);
  });

  it('says nothing of an account without news, or of one that an edge has overtaken', () => {
    expect(take(enabled(), account(0, 0), edge(2, 0), account(2, 0), account(1, 1))).toHaveLength(1);
  });

  it('gives the link as the reason for what is missing after a resume, then overflow again', () => {
    const resumed: InterruptItem = { kind: 'resumed', fromNs: 1n, toNs: 2n };
    const events = take(enabled(), edge(1, 1), resumed, account(3, 1), account(5, 1));
    expect(events.slice(1)).toMatchObject([{ reason: 'link' }, { reason: 'overflow' }]);
  });

  it('counts anew after an enable', () => {
    const events = take(enabled(), edge(1, 1), enabled(), edge(1, 1));
    expect(events.map((event) => event.lost)).toEqual([0, 0]);
  });

  it('delivers plus loses exactly what was sensed, whatever was dropped on the way, also past 2^32', () => {
    // Every run starts at some count near the wrap, then each sensed edge arrives or does not.
    const arbitrary = fc.tuple(
      fc.integer({ min: 0xffff_ff00, max: 0xffff_ffff }),
      fc.array(fc.boolean(), { maxLength: 600 }),
    );
    fc.assert(
      fc.property(arbitrary, ([start, arrives]) => {
        const counting = new LossAccount();
        counting.take([enabled(), account(start >>> 0, 0)], 0n);
        // The account above is a "behind" one for counts over 2^31, so that the first edge carries it.
        const first = counting.take([edge(start + 1, 1)], 0n);
        const base = first[0]!.lost! - start;
        let delivered = 0;
        let lost = 0;
        arrives.forEach((arrived, i) => {
          if (!arrived) return;
          const [event] = counting.take([edge((start + 2 + i) % 2 ** 32, 1)], 0n);
          delivered++;
          lost += event!.lost!;
        });
        const [closing] = counting.take([account((start + 1 + arrives.length) % 2 ** 32, 1)], 0n);
        lost += closing?.lost ?? 0;
        expect(base).toBe(0);
        expect(delivered + lost).toBe(arrives.length);
      }),
    );
  });
});

describe('a device that does not count', () => {
  it('says null, and takes the level from the type of the interrupt', () => {
    expect(take(enabled('falling'), edge(null, null))).toMatchObject([
      { kind: 'edge', level: 0, levelSource: 'reported', lost: null },
    ]);
  });

  it('waits for the level of a both-edge interrupt and marks it read', () => {
    const counting = new LossAccount();
    expect(counting.take([enabled(), edge(null, null)], 500n)).toEqual([]);
    expect(counting.take([levelRead(1)], 900n)).toMatchObject([
      { kind: 'edge', level: 1, levelSource: 'read', arrivedNs: 500n, lost: null },
    ]);
  });

  it('alternates from the known level, and reports a level that contradicts as a gap', () => {
    const events = take(enabled(), levelRead(0), edge(null, null), levelRead(0));
    expect(events).toMatchObject([
      { kind: 'edge', level: 1, levelSource: 'read' },
      { kind: 'gap', lost: null, reason: 'no-count', level: 0 },
    ]);
  });

  it('takes no contradiction for one while a later interrupt still waits for its level', () => {
    const events = take(
      enabled(),
      levelRead(0),
      edge(null, null),
      edge(null, null),
      levelRead(0),
      levelRead(0),
    );
    expect(events.map((event) => [event.kind, event.level])).toEqual([
      ['edge', 1],
      ['edge', 0],
    ]);
  });

  it('says once that edges came of which no level is known, in each batch that brings them', () => {
    const counting = new LossAccount();
    const gap = { kind: 'gap', line: LINE, lost: null, reason: 'no-count', level: undefined };
    expect(
      counting.take([enabled(), edge(null, null), edge(null, null), levelRead(null)], 500n),
    ).toMatchObject([{ ...gap, toNs: 500n }]);
    expect(counting.take([levelRead(null)], 600n)).toEqual([]);
    expect(counting.take([edge(null, null)], 700n)).toEqual([]);
    expect(counting.take([levelRead(null)], 800n)).toMatchObject([{ ...gap, toNs: 800n }]);
    const many = Array.from({ length: 200 }, () => edge(null, null));
    expect(counting.take(many, 900n)).toMatchObject([{ ...gap, toNs: 900n }]);
  });

  it('alternates where no level is read, and one was known before', () => {
    const events = take(enabled(), levelRead(0), edge(null, null), edge(null, null), levelRead(null));
    expect(events.map((event) => [event.kind, event.level])).toEqual([
      ['edge', 1],
      ['edge', 0],
    ]);
  });

  it('says before a break that edges came of which no level will be known', () => {
    const broken: InterruptItem = { kind: 'break', reason: 'link', fromNs: 10n, toNs: 20n };
    expect(take(enabled(), edge(null, null), broken)).toMatchObject([
      { kind: 'gap', line: LINE, lost: null, reason: 'no-count' },
      { kind: 'gap', line: undefined, lost: null, reason: 'link' },
    ]);
  });

  it('says of a line that is switched off only once that nothing was counted', () => {
    const disabled: InterruptItem = { kind: 'disabled', line: LINE, counted: false };
    expect(take(enabled(), edge(null, null), disabled)).toMatchObject([{ kind: 'gap', reason: 'disabled' }]);
  });

  it('never makes an edge of a level alone', () => {
    expect(take(enabled(), levelRead(0), levelRead(1), levelRead(0)).map((event) => event.kind)).toEqual([
      'gap',
      'gap',
    ]);
  });
});

describe('breaks', () => {
  it('is one gap of unknown size for all lines, and counting starts with the enable after it', () => {
    const events = take(
      enabled(),
      edge(1, 1),
      { kind: 'break', reason: 'firmware-restart', fromNs: 10n, toNs: 20n },
      enabled(),
      edge(1, 1),
    );
    expect(events[1]).toMatchObject({ kind: 'gap', line: undefined, lost: null, fromNs: 10n, toNs: 20n });
    expect(events[2]).toMatchObject({ kind: 'edge', lost: 0 });
  });

  const restart: InterruptItem = { kind: 'break', reason: 'firmware-restart', fromNs: 10n, toNs: 20n };

  it('is one gap for each line with the level that was read after it, where the levels came with the news', () => {
    const other: InterruptItem = { kind: 'enabled', line: LINE + 1, type: 'both' };
    const events = take(enabled(), other, edge(1, 1), restart, enabled(), levelRead(1), other);
    expect(events.slice(1)).toEqual([
      expect.objectContaining({ kind: 'gap', line: LINE, lost: null, level: 1, fromNs: 10n, toNs: 20n }),
      expect.objectContaining({ kind: 'gap', line: LINE + 1, lost: null, level: undefined, fromNs: 10n }),
    ]);
  });

  it('tells a level that is read later in a gap of its own, once', () => {
    const counting = new LossAccount();
    expect(counting.take([enabled(), edge(1, 1), restart], 500n)).toMatchObject([
      { kind: 'edge' },
      { kind: 'gap', line: undefined, reason: 'firmware-restart' },
    ]);
    expect(counting.take([enabled(), levelRead(1)], 600n)).toMatchObject([
      { kind: 'gap', line: LINE, lost: null, reason: 'firmware-restart', level: 1, toNs: 600n },
    ]);
    expect(counting.take([enabled(), levelRead(1)], 700n)).toEqual([]);
  });

  it('takes no level that an edge came before for that after the break, and tells none that the edge told', () => {
    const events = take(enabled(), restart, enabled(), edge(1, 1), levelRead(1));
    expect(events).toMatchObject([
      { kind: 'gap', line: undefined, level: undefined },
      { kind: 'edge', level: 1, lost: 0 },
    ]);
  });

  it('says nothing of the level that a line has when it is enabled first', () => {
    expect(take(enabled(), levelRead(1))).toEqual([]);
  });

  it('a line switched off without a final account leaves a gap of unknown size, with one none', () => {
    expect(take(enabled(), { kind: 'disabled', line: LINE, counted: true })).toEqual([]);
    expect(take(enabled(), { kind: 'disabled', line: LINE, counted: false })).toMatchObject([
      { kind: 'gap', line: LINE, lost: null, reason: 'disabled' },
    ]);
  });
});
