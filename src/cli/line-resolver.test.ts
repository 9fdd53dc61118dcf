import { describe, expect, it } from 'vitest';
import { ManyErrors } from './errors.js';
import { type ChipLines, matchesOf, type ResolveOptions, resolveLines } from './line-resolver.js';

function chip(name: string, lineCount: number, names: Record<string, number[]>): ChipLines {
  return { name, lineCount, offsetsOf: (line) => names[line] ?? [] };
}

const hub = chip('hub', 8, { DOOR: [1], LED: [3], '6': [2], BOTH: [4] });
const rack = chip('rack', 4, { FAN: [0], BOTH: [1] });
const twice = chip('twice', 4, { X: [1, 3] });

const anyChip: ResolveOptions = { strict: false, byName: false, onlyChip: false };
const onHub: ResolveOptions = { chipId: 'hub', strict: false, byName: false, onlyChip: true };
const single: ResolveOptions = { strict: false, byName: false, onlyChip: true };

function messagesOf(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (thrown) {
    return thrown instanceof ManyErrors ? thrown.messages : [(thrown as Error).message];
  }
  throw new Error('nothing was thrown');
}

describe('resolveLines', () => {
  it('finds names on whatever chip has them first, in the order asked', () => {
    const found = resolveLines(['FAN', 'BOTH', 'DOOR'], [hub, rack], anyChip);
    expect(found.map(({ chip, offset }) => `${chip}:${offset}`)).toEqual(['rack:0', 'hub:4', 'hub:1']);
  });

  it('takes numbers for names where several chips are searched', () => {
    expect(messagesOf(() => resolveLines(['3'], [hub, rack], anyChip))).toEqual(["cannot find line '3'"]);
    expect(resolveLines(['6'], [hub, rack], anyChip)[0].offset).toBe(2);
  });

  it('takes numbers for offsets on a named chip, unless told otherwise', () => {
    expect(resolveLines(['6'], [hub], onHub)[0].offset).toBe(6);
    expect(resolveLines(['6'], [hub], { ...onHub, byName: true })[0].offset).toBe(2);
    expect(messagesOf(() => resolveLines(['8', '5000000000'], [hub], onHub))).toEqual([
      "offset 8 is out of range on chip 'hub'",
      "cannot find line '5000000000'",
    ]);
  });

  it('takes a number for an offset on the only chip, where no line has that name', () => {
    expect(resolveLines(['6'], [hub], single)[0].offset).toBe(2);
    expect(resolveLines(['7'], [hub], single)[0].offset).toBe(7);
    expect(messagesOf(() => resolveLines(['9'], [hub], single))).toEqual([
      "offset 9 is out of range on chip 'hub'",
    ]);
    expect(resolveLines(['6'], [hub], { ...single, strict: true })[0].offset).toBe(2);
  });

  it('tells of every line that is missing and every line that was named twice', () => {
    expect(messagesOf(() => resolveLines(['NO', 'DOOR', '1', 'NOR'], [hub], onHub))).toEqual([
      "cannot find line 'NO'",
      "lines 'DOOR' and '1' are the same line",
      "cannot find line 'NOR'",
    ]);
  });

  it('insists on unique names when strict', () => {
    const strict = { ...anyChip, strict: true };
    expect(messagesOf(() => resolveLines(['BOTH'], [hub, rack], strict))).toEqual([
      "line 'BOTH' is not unique",
    ]);
    expect(messagesOf(() => resolveLines(['X'], [twice], strict))).toEqual(["line 'X' is not unique"]);
    expect(messagesOf(() => resolveLines(['6'], [hub], { ...onHub, strict: true }))).toEqual([
      "line '6' is not unique",
    ]);
    expect(resolveLines(['DOOR'], [hub, rack], strict)[0].offset).toBe(1);
  });
});

describe('matchesOf', () => {
  it('lists every line of a name when strict, the first otherwise', () => {
    const places = (options: ResolveOptions) =>
      matchesOf('BOTH', [hub, rack], options).map(({ chip, offset }) => `${chip}:${offset}`);
    expect(places(anyChip)).toEqual(['hub:4']);
    expect(places({ ...anyChip, strict: true })).toEqual(['hub:4', 'rack:1']);
  });
});
