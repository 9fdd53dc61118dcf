import { describe, expect, it } from 'vitest';
import type { EdgeEvent } from '../events/edge-event.js';
import { customFormatter, defaultFormatter, formatShowsLoss } from './event-format.js';

const edge: EdgeEvent = {
  type: 'edge',
  chip: 'hub',
  offset: 5,
  edge: 'rising',
  timestampNs: 1_700_000_000_000_000_042n,
  clock: 'monotonic',
  stampedBy: 'device',
  uncertaintyNs: 100,
  seqno: 7,
  lineSeqno: 3,
  lost: 2,
  levelSource: 'reported',
};

describe('defaultFormatter', () => {
  const style = { timeStyle: 'seconds', showChip: false, unquoted: false } as const;

  it('prints as gpiomon does', () => {
    expect(defaultFormatter(style)(edge, 'DOOR')).toBe('1700000000.000000042\trising\t"DOOR"');
    expect(defaultFormatter(style)(edge, undefined)).toBe('1700000000.000000042\trising\thub 5');
    expect(defaultFormatter({ ...style, showChip: true })(edge, 'DOOR')).toMatch(/\thub 5 "DOOR"$/);
    expect(defaultFormatter({ ...style, showChip: true, unquoted: true })(edge, 'DOOR')).toMatch(
      /\thub 5 DOOR$/,
    );
    expect(defaultFormatter({ ...style, timeStyle: 'utc' })({ ...edge, edge: 'falling' }, 'DOOR')).toBe(
      '2023-11-14T22:13:20.000000042Z\tfalling\t"DOOR"',
    );
  });
});

describe('customFormatter', () => {
  it.each([
    ['%o %l %c', '5 DOOR hub'],
    ['%e/%E', '1/rising'],
    ['%S', '1700000000.000000042'],
    ['%U', '2023-11-14T22:13:20.000000042Z'],
    ['lost %x', 'lost 2'],
    ['100%%', '100%'],
    ['%q%', '%q%'],
    ['%', '%'],
    ['', ''],
    ['no specifier', 'no specifier'],
    ['%%e', '%e'],
    ['%\n%e', '%\n1'],
    ['%é', '%é'],
    ['%toString', '%toString'],
  ])('%j', (format, expected) => {
    expect(customFormatter(format)(edge, 'DOOR')).toBe(expected);
  });

  it('tells what cannot be known, and an unnamed line, in words', () => {
    expect(customFormatter('%x %l %e')({ ...edge, lost: null, edge: 'falling' }, undefined)).toBe(
      '? unnamed 2',
    );
  });

  it('prints %x as gpiomon does where it is to be gpiomon', () => {
    expect(customFormatter('%e %x', false)(edge, 'DOOR')).toBe('1 %x');
  });

  it('knows whether a format shows losses', () => {
    expect(formatShowsLoss('%e %x')).toBe(true);
    expect(formatShowsLoss('%%x')).toBe(false);
  });
});
