import { describe, expect, it } from 'vitest';
import { Recovery } from './recovery.js';

const ms = (count: number): number => count * 1e6;

describe('a recovery', () => {
  it('ends with the first edge that happened when all was back, not with one that was kept', () => {
    const recovery = new Recovery();
    recovery.began(ms(100));
    recovery.edge(ms(90), ms(101));
    expect(recovery.missing).toBe(1);
    recovery.edge(ms(130), ms(150));
    expect(recovery).toMatchObject({ missing: 0, worstMs: 50 });
  });

  it('that takes longer than until the next disturbance is not forgotten', () => {
    const recovery = new Recovery();
    recovery.began(ms(100));
    recovery.began(ms(1_000));
    recovery.edge(ms(1_200), ms(1_300));
    expect(recovery).toMatchObject({ missing: 0, worstMs: 1_200 });
  });

  it('that does not happen is missing', () => {
    const recovery = new Recovery();
    expect(recovery).toMatchObject({ missing: 0, worstMs: undefined });
    recovery.began(ms(100));
    expect(recovery).toMatchObject({ missing: 1, worstMs: undefined });
  });
});
