import { describe, expect, it } from 'vitest';
import { type Sample, verdict } from './soak.js';

const sample = (rssBytes: number): Sample => ({ rssBytes, descriptors: 20, timers: 5 });
const steady = Array.from({ length: 12 }, () => sample(80e6));

function told(samples: readonly Sample[], broken: readonly string[] = []): { good: boolean; text: string } {
  const lines: string[] = [];
  const good = verdict(samples, broken, (line) => lines.push(line));
  return { good, text: lines.join('\n') };
}

describe('the verdict of a soak', () => {
  it('is steady where nothing grows and nothing broke', () => {
    expect(told(steady)).toMatchObject({ good: true, text: expect.stringContaining('verdict: steady') });
  });

  it('is steady after a single round, and says that it cannot tell growth', () => {
    const { good, text } = told([sample(80e6)]);
    expect(good).toBe(true);
    expect(text).toContain('too few rounds to tell');
    expect(text).not.toContain('NaN');
  });

  it('is not where memory grows', () => {
    const { good, text } = told(Array.from({ length: 12 }, (_, i) => sample(80e6 + i * 10e6)));
    expect(good).toBe(false);
    expect(text).toMatch(/resident memory: .*IT GROWS/);
  });

  it('is not, and is told all the same, where a round could not be finished', () => {
    const { good, text } = told([], ['round 1 could not be finished: no daemon']);
    expect(good).toBe(false);
    expect(text).toBe('  BROKEN: round 1 could not be finished: no daemon\nverdict: NOT steady');
  });
});
