import { describe, expect, it } from 'vitest';
import { ack, Bench, brief, data, nak, rst, sessionOf, times } from '../../../test/support/arq-bench.js';
import { receiveFrame } from './arq-receive.js';
import { MAX_MISSES } from './arq-state.js';
import { deadline, sendPacket, sendRoom, transmit, written } from './arq-transmit.js';

describe('receiving', () => {
  it('delivers in order once, and answers the first stray frame with NAK, the others like any', () => {
    const bench = new Bench({ role: 'device' }).inSession();
    bench.in(data(0)).in(data(2));
    expect(brief(bench.out())).toEqual(['N1']);
    bench.in(data(3)).in(data(0));
    expect(brief(bench.out())).toEqual(['A1']);
    bench.now += 100;
    bench.in(data(4));
    expect(brief(bench.out())).toEqual(['N1']);
    bench.in(data(1)).in(data(3));
    expect(brief(bench.out())).toEqual(['N2']);
    expect(bench.got).toEqual([0, 1]);
  });

  it('acknowledges within 20 ms, at once after two frames, and in the next DATA', () => {
    const bench = new Bench({ role: 'device' }).inSession();
    bench.in(data(0));
    expect(bench.out()).toEqual([]);
    const late = bench.wait(20);
    expect(brief(late.map(([, frame]) => frame))).toEqual(['A1']);
    bench.in(data(1)).in(data(2));
    expect(brief(bench.out())).toEqual(['A3']);
    bench.in(data(3)).send(9);
    expect(brief(bench.out())).toEqual(['D0/4']);
    expect(bench.wait(30)).toEqual([]);
  });

  it('acknowledges at once where half the window is one frame, and while the other end begins one by one', () => {
    const narrow = new Bench({ role: 'device', window: 2 }).inSession();
    narrow.in(data(0));
    expect(brief(narrow.out())).toEqual(['A1']);
    const young = new Bench({ role: 'device' }).inSession(false);
    young.in(data(0));
    expect(brief(young.out())).toEqual(['A1']);
  });

  it('treats a frame as damaged where there is no room, after taking its N(R)', () => {
    const bench = new Bench({ role: 'device' }).inSession().send(1);
    bench.out();
    bench.in(data(0, 1), false);
    expect(bench.arq.inFlight).toEqual([]);
    expect(bench.wait(200)).toEqual([]);
    bench.in(data(0, 1));
    expect(bench.got).toEqual([0]);
  });

  it('drops PLAIN in a session', () => {
    const bench = new Bench({ role: 'device' }).inSession();
    bench.in({ kind: 'plain', payload: Uint8Array.of(1) });
    expect(bench.got).toEqual([]);
    expect(bench.arq.counters.plain_dropped).toBe(1);
  });
});

describe('sending', () => {
  it('keeps to the window, and starts with one frame on a line that it does not know', () => {
    const bench = new Bench({ role: 'driver' }).inSession(false);
    expect(sendRoom(bench.arq)).toBe(1);
    const proven = new Bench({ role: 'driver', window: 5 }).inSession().send(1, 2, 3, 4, 5);
    expect(sendRoom(proven.arq)).toBe(0);
    expect(brief(proven.out())).toEqual(['D0/0', 'D1/0', 'D2/0', 'D3/0', 'D4/0']);
    proven.in(ack(2));
    expect(sendRoom(proven.arq)).toBe(2);
  });

  it('ignores and counts an N(R) outside of what is in flight, and then sends one by one', () => {
    const bench = new Bench({ role: 'driver' }).inSession().send(1, 2, 3);
    bench.out();
    bench.in(ack(4)).in(ack(7));
    expect(bench.arq.inFlight).toHaveLength(3);
    expect(bench.arq.counters.nr_out_of_range).toBe(2);
    bench.in(ack(3));
    expect(sendRoom(bench.arq)).toBe(1);
  });

  it('resends on NAK what is unacknowledged, oldest first, once for each N(R) until the timer has run out', () => {
    const bench = new Bench({ role: 'driver' }).inSession().send(1, 2, 3);
    bench.out();
    bench.now += 5;
    bench.in(nak(1));
    expect(brief(bench.out())).toEqual(['D1/0', 'D2/0']);
    bench.now += 5;
    bench.in(nak(1));
    expect(bench.out()).toEqual([]);
    const resent = bench.wait(60);
    expect(brief(resent.map(([, frame]) => frame))).toEqual(['D1/0', 'D2/0']);
    bench.now += 5;
    bench.in(nak(1));
    expect(brief(bench.out())).toEqual(['D1/0', 'D2/0']);
  });

  it('starts its timer when the bytes are written out', () => {
    const bench = new Bench({ role: 'driver' }).inSession().send(1);
    transmit(bench.arq, bench.now);
    expect(deadline(bench.arq)).toBe(Number.POSITIVE_INFINITY);
    bench.now += 5_000;
    written(bench.arq, bench.arq.writeId, bench.now);
    expect(deadline(bench.arq)).toBeLessThanOrEqual(bench.now + 300);
    expect(deadline(bench.arq)).toBeGreaterThanOrEqual(bench.now + 50);
  });

  it('follows the measured round trip, no shorter than 50 ms, and doubles up to 1 s on each miss', () => {
    const bench = new Bench({ role: 'driver' }).inSession();
    for (let i = 0; i < 20; i++) {
      bench.send(i);
      bench.out();
      bench.now += 2;
      bench.in(ack((i + 1) & 7));
    }
    bench.send(9);
    bench.out();
    const resends = times(bench.wait(3_500));
    expect(resends).toEqual([50, 150, 350, 750, 1550, 2550]);
  });

  it('doubles anew for each frame, though only resent ones are acknowledged', () => {
    const bench = new Bench({ role: 'driver' }).inSession();
    for (let i = 0; i < 4; i++) {
      bench.send(i);
      bench.out();
      expect(deadline(bench.arq) - bench.now).toBeLessThanOrEqual(150);
      for (let resend = 0; resend < 3; resend++) bench.wait(deadline(bench.arq) - bench.now);
      bench.now += 2;
      bench.in(ack((i + 1) & 7));
    }
  });

  it('waits at least twice the time that the bytes in flight take', () => {
    const bench = new Bench({ role: 'driver', bytesPerMs: 1 }).inSession();
    sendPacket(bench.arq, new Uint8Array(900));
    bench.out();
    expect(deadline(bench.arq) - bench.now).toBeGreaterThanOrEqual(1_800);
  });

  it('gives the session up after ten misses of one frame, and opens a new one', () => {
    const bench = new Bench({ role: 'driver' }).inSession().send(1);
    bench.out();
    const old = bench.arq.session;
    const seen = bench.wait(20_000);
    const resends = seen.filter(([, frame]) => frame.kind === 'data');
    const opening = seen.filter(([, frame]) => frame.kind === 'rst');
    expect(resends).toHaveLength(MAX_MISSES - 1);
    expect(bench.changes).toEqual(['up', 'broken']);
    expect(sessionOf(opening[0]?.[1])).not.toBe(old);
  });

  it('a device gives the session up as well, and says so', () => {
    const bench = new Bench({ role: 'device' }).inSession().send(1);
    bench.out();
    const seen = bench.wait(20_000);
    expect(bench.changes).toEqual(['up', 'broken']);
    expect(brief(seen.map(([, frame]) => frame))).toContain('rst');
  });

  it('is soon out of a session in which the other end means another', () => {
    const bench = new Bench({ role: 'driver' }).inSession().send(1, 2);
    bench.out();
    for (let i = 0; i < 3; i++) {
      bench.in(nak(6));
      bench.wait(1_000);
    }
    expect(bench.changes).toEqual(['up', 'broken']);
  });

  it('is soon out of a session whose device repeats the value of its RST at each start', () => {
    const bench = new Bench({ role: 'driver' });
    bench.in(rst(1)).inSession().send(1);
    bench.out();
    bench.in(rst(1));
    bench.wait(3_000);
    expect(bench.changes).toEqual(['up', 'broken']);
  });

  it('advises shorter packets after resends, and longer ones again', () => {
    const bench = new Bench({ role: 'driver' }).inSession();
    expect(bench.arq.hint).toBe(256);
    bench.send(1, 2);
    bench.out();
    bench.wait(3_000);
    const small = bench.arq.hint;
    expect(small).toBeLessThan(128);
    expect(small).toBeGreaterThanOrEqual(64);
    bench.in(ack(2));
    for (let i = 2; i < 60; i++) {
      bench.send(i);
      bench.out();
      bench.in(ack((i + 1) & 7));
    }
    expect(bench.arq.hint).toBe(1024);
  });

  it('does not answer the NAK for a needless copy with another copy', () => {
    const bench = new Bench({ role: 'driver', window: 1 }).inSession();
    for (let i = 0; i < 4; i++) {
      bench.send(i);
      bench.out();
      bench.now += 40;
      bench.in(ack(i + 1));
    }
    bench.send(4);
    bench.out();
    const resent = bench.wait(90);
    expect(brief(resent.map(([, frame]) => frame))).toEqual(['D4/0']);
    bench.in(ack(5)).send(5);
    expect(brief(bench.out())).toEqual(['D5/0']);
    bench.now += 10;
    bench.in(nak(5));
    expect(bench.out()).toEqual([]);
  });
});

describe('the state', () => {
  it('is plain data: a copy goes on as the original does', () => {
    const bench = new Bench({ role: 'driver' }).inSession().send(1, 2);
    bench.out();
    const copy = structuredClone(bench.arq);
    bench.in(nak(1));
    receiveFrame(copy, nak(1), bench.now);
    expect(transmit(copy, bench.now)).toEqual(transmit(bench.arq, bench.now));
    expect(copy).toEqual(bench.arq);
  });
});
