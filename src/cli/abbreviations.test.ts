import { describe, expect, it } from 'vitest';
import { spellOut } from './abbreviations.js';

const OPTIONS = [
  { short: '-c', long: '--chip', required: true },
  { short: '-l', long: '--active-low', required: false },
  { short: '-n', long: '--num-events', required: true },
  { short: '-N', long: '--numeric', required: false },
  { long: '--idle-timeout', required: true },
  { long: '--ascii', required: false },
  { long: '--version', required: false },
  { long: '--vcd', required: true },
  { long: '--wave', required: false },
  { long: '--wave-span', required: true },
];
const spelled = (...args: string[]) => spellOut(args, OPTIONS);

describe('abbreviated long options', () => {
  it('are written out, with their values', () => {
    expect(spelled('--idle', '1s', '--act', '--nume', '--ch=hub', 'X')).toEqual([
      ...['--idle-timeout', '1s', '--active-low', '--numeric', '--chip=hub', 'X'],
    ]);
    expect(spelled('--hel')).toEqual(['--help']);
  });

  it('are refused where they may mean several, which are named', () => {
    expect(() => spelled('--num', '1')).toThrow("option '--num' is ambiguous: --num-events, --numeric");
  });

  it('mean what they mean to libgpiod, whatever we have besides', () => {
    expect(spelled('--a', '--v')).toEqual(['--active-low', '--version']);
  });

  it('are no abbreviations where there is an option of that name', () => {
    expect(spelled('--wave', '--wave-s', '1s')).toEqual(['--wave', '--wave-span', '1s']);
  });

  it('are left where they mean nothing, after -- and as values of options', () => {
    const left = [
      '--bogus',
      '--chip',
      '--num',
      '-c',
      '--num',
      '-lc',
      '--num',
      '-chub',
      '--',
      '--num',
      '--idle',
    ];
    expect(spelled(...left)).toEqual(left);
  });

  it('are found behind letters that hold their value, or take none', () => {
    expect(spelled('-chub', '--act')).toEqual(['-chub', '--active-low']);
    expect(spelled('-Nl', '--act')).toEqual(['-Nl', '--active-low']);
    expect(spelled('-', '--act')).toEqual(['-', '--active-low']);
  });
});
