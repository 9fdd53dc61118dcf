import { describe, expect, it } from 'vitest';
import { HandTime } from '../../../test/conformance/hand-time.js';
import { RearmPace } from './rearm-pace.js';

const DELAY_MS = 4;

function bench() {
  const time = new HandTime();
  const link = { writes: false };
  let wakes = 0;
  const pace = new RearmPace({
    timers: time,
    delayMs: DELAY_MS,
    writesAnyway: () => link.writes,
    wake: () => {
      wakes++;
    },
  });
  /** Buffers come back now; what is woken by that is sent. */
  const back = (): number => {
    const before = wakes;
    pace.cameBack(Number(time.now / 1_000_000n));
    if (wakes > before) pace.sent();
    return wakes - before;
  };
  return { time, pace, link, back, wakes: () => wakes };
}

describe('the pace of queueing buffers again', () => {
  it('is at once for edges that come now and then', () => {
    const { time, back } = bench();
    time.advance(100);
    expect(back()).toBe(1);
    time.advance(DELAY_MS);
    expect(back()).toBe(1);
  });

  it('is once a delay for edges that come fast, and never later than that', () => {
    const { time, back, wakes } = bench();
    expect(back()).toBe(1);
    for (let i = 0; i < 3; i++) {
      time.advance(1);
      expect(back()).toBe(0);
    }
    time.advance(DELAY_MS - 2);
    expect(wakes()).toBe(2);
  });

  it('is at once where a line has used half of its buffers', () => {
    const { time, pace, back } = bench();
    back();
    time.advance(1);
    pace.hurry();
    expect(back()).toBe(1);
    time.advance(1);
    expect(back()).toBe(0);
  });

  it('is at once where the link writes in any case', () => {
    const { time, link, back } = bench();
    back();
    time.advance(1);
    link.writes = true;
    expect(back()).toBe(1);
  });

  it('wakes nobody after the channel broke', () => {
    const { time, pace, back, wakes } = bench();
    back();
    back();
    pace.stop();
    time.advance(100);
    expect(wakes()).toBe(1);
  });
});
