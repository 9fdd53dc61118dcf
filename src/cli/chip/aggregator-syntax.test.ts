import { describe, expect, it } from 'vitest';
import { parseAggregatorSyntax } from './aggregator-syntax.js';

describe("the kernel aggregator's syntax", () => {
  it('takes offsets and ranges behind a chip, ascending, and names of lines', () => {
    expect(parseAggregatorSyntax('hub 19 hub2 20-21\n')).toEqual([
      { kind: 'offsets', chip: 'hub', offsets: [19] },
      { kind: 'offsets', chip: 'hub2', offsets: [20, 21] },
    ]);
    expect(parseAggregatorSyntax('DOOR hub 5,1-2,2 "door lock" LAST')).toEqual([
      { kind: 'name', name: 'DOOR' },
      { kind: 'offsets', chip: 'hub', offsets: [1, 2, 5] },
      { kind: 'name', name: 'door lock' },
      { kind: 'name', name: 'LAST' },
    ]);
    expect(parseAggregatorSyntax('  ONLY ')).toEqual([{ kind: 'name', name: 'ONLY' }]);
  });

  it('takes what is no list of offsets for a name', () => {
    expect(parseAggregatorSyntax('A 1,x 2-')).toEqual([
      { kind: 'name', name: 'A' },
      { kind: 'name', name: '1,x' },
      { kind: 'name', name: '2-' },
    ]);
  });

  it('refuses what the kernel refuses', () => {
    expect(() => parseAggregatorSyntax(' \n')).toThrow('no lines on standard input');
    expect(() => parseAggregatorSyntax('hub 5-3')).toThrow(/runs downwards/);
    expect(() => parseAggregatorSyntax('hub 512')).toThrow(/above 511/);
    expect(() => parseAggregatorSyntax('hub 0-99999999')).toThrow(/above 511/);
    expect(() => parseAggregatorSyntax('"hub 5')).toThrow(/not closed/);
  });
});
