import { describe, expect, it } from 'vitest';
import type { RequestEvent } from '../api/client/types.js';
import type { EdgeEvent, Gap } from '../events/edge-event.js';
import { customFormatter } from './event-format.js';
import { renderJson } from './event-json.js';
import { renderText, type TextStyle } from './event-text.js';

const edge: EdgeEvent = {
  type: 'edge',
  chip: 'hub',
  offset: 5,
  edge: 'rising',
  timestampNs: 42n,
  clock: 'monotonic',
  stampedBy: 'device',
  uncertaintyNs: 100,
  seqno: 7,
  lineSeqno: 3,
  lost: 0,
  levelSource: 'reported',
};
const gap: Gap = { type: 'gap', chip: 'hub', offset: 5, lost: 3, reason: 'overflow', fromNs: 1n, toNs: 2n };
const wholeChip: Gap = {
  type: 'gap',
  chip: 'hub',
  lost: null,
  reason: 'firmware-restart',
  fromNs: 1n,
  toNs: 2n,
};
const down: RequestEvent = { type: 'chip', chip: 'hub', state: 'down', reason: 'unplugged', timestampNs: 9n };

const nameOf = (_chip: string, offset: number) => (offset === 5 ? 'DO"OR' : undefined);
const style: TextStyle = {
  program: 'gpiobridge mon',
  nameOf,
  format: customFormatter('%o %E'),
  formatShowsLoss: false,
  uncountedChips: new Set(['blind']),
};

describe('renderText', () => {
  it('keeps stdout as gpiomon has it and tells the rest on stderr', () => {
    const rendered = renderText([edge, gap, wholeChip, down, { ...edge, lost: 1 }], style);
    expect(rendered.out).toBe('5 rising\n5 rising\n');
    expect(rendered.err.split('\n')).toEqual([
      'gpiobridge mon: 3 edges lost on hub 5 "DO"OR" (overflow)',
      'gpiobridge mon: an unknown number of edges lost on every line of hub (firmware-restart)',
      'gpiobridge mon: chip hub is down: unplugged',
      'gpiobridge mon: 1 edge lost on hub 5 "DO"OR"',
      '',
    ]);
  });

  it('does not repeat a loss that the format shows, nor what a chip never can count', () => {
    expect(renderText([{ ...edge, lost: 4 }], { ...style, formatShowsLoss: true }).err).toBe('');
    expect(renderText([{ ...edge, chip: 'blind', lost: null }], style).err).toBe('');
    expect(renderText([{ ...edge, lost: null }], style).err).toMatch(/unknown number/);
  });
});

describe('renderJson', () => {
  it('prints one object a line, in snake_case, times as decimal strings', () => {
    const lines = renderJson(
      [edge, { ...edge, offset: 6, lost: null, boottimeNs: 50n }, gap, wholeChip, down],
      nameOf,
    )
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines[0]).toEqual({
      type: 'edge',
      chip: 'hub',
      offset: 5,
      name: 'DO"OR',
      edge: 'rising',
      timestamp_ns: '42',
      clock: 'monotonic',
      stamped_by: 'device',
      uncertainty_ns: '100',
      seqno: 7,
      line_seqno: 3,
      lost: 0,
      level_source: 'reported',
    });
    expect(lines[1]).toMatchObject({ name: null, lost: null, boottime_ns: '50' });
    expect(lines[2]).toEqual({
      type: 'gap',
      chip: 'hub',
      offset: 5,
      name: 'DO"OR',
      lost: 3,
      reason: 'overflow',
      from_ns: '1',
      to_ns: '2',
    });
    expect(lines[3]).not.toHaveProperty('offset');
    expect(lines[4]).toEqual({
      type: 'chip',
      chip: 'hub',
      state: 'down',
      reason: 'unplugged',
      timestamp_ns: '9',
    });
  });
});
