import { describe, expect, it } from 'vitest';

const MODULE = '../../scripts/lib/times.mjs';
const { takeTimes } = await import(MODULE);

describe('--times of a tier of tests', () => {
  it.each([
    [[], 1, []],
    [['boot'], 1, ['boot']],
    [['--times', '10'], 10, []],
    [['boot', '--times=3', '-t', 'x'], 3, ['boot', '-t', 'x']],
    [['--times', '2', 'rpmsg'], 2, ['rpmsg']],
  ])('%j', (args, times, rest) => {
    expect(takeTimes(args)).toEqual({ times, rest });
  });

  it.each([[['--times']], [['--times', 'boot']], [['--times=0']], [['--times', '-1']], [['--times=']]])(
    'refuses %j',
    (args) => {
      expect(takeTimes(args).problem).toMatch(/--times is a number from 1 on/);
    },
  );
});
