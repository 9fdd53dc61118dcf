import { describe, expect, it } from 'vitest';
import { ack, Bench, brief, data, rst, rstack, sessionOf, times } from '../../../test/support/arq-bench.js';
import type { SerialFrame } from '../../wire/serial-frame.js';
import { sendRoom } from './arq-transmit.js';

describe('opening a session, driver', () => {
  it('repeats its RST with the same session after 100 ms, backing off to 500 ms', () => {
    const bench = new Bench({ role: 'driver' });
    const first = bench.out();
    const later = bench.wait(2_300);
    expect(brief(first)).toEqual(['rst']);
    expect(times(later)).toEqual([100, 300, 700, 1200, 1700, 2200]);
    expect(new Set([...first, ...later.map(([, f]) => f)].map(sessionOf)).size).toBe(1);
    expect(sessionOf(first[0])).not.toBe(0);
  });

  it('takes the smaller window and max_payload, and starts at 0', () => {
    const bench = new Bench({ role: 'driver' });
    const session = sessionOf(bench.out()[0]);
    bench.in(rstack(session, 3, 100)).send(1);
    expect(bench.arq).toMatchObject({ phase: 'up', window: 3, maxPayload: 100, channel: 1 });
    expect(brief(bench.out())).toEqual(['D0/0']);
  });

  it('ignores any other RSTACK, before and in the session', () => {
    const bench = new Bench({ role: 'driver' });
    const session = sessionOf(bench.out()[0]);
    bench.in(rstack(session ^ 1));
    expect(bench.arq.phase).toBe('opening');
    bench
      .in(rstack(session))
      .in(rstack(session ^ 1))
      .in(rstack(session));
    expect(bench.changes).toEqual(['up']);
  });

  it('answers a device RST with its own again, the same session, at most every 100 ms', () => {
    const bench = new Bench({ role: 'driver' });
    const session = sessionOf(bench.out()[0]);
    bench.wait(750);
    bench.in(rst(5));
    expect(bench.out()).toEqual([]);
    const seen = bench.wait(60);
    expect(times(seen)).toEqual([50]);
    expect(sessionOf(seen[0]?.[1])).toBe(session);
    bench.wait(840);
    bench.in(rst(5));
    expect(brief(bench.out())).toEqual(['rst']);
  });

  it('opens a new session on a device RST, and not again for a copy of it', () => {
    const bench = new Bench({ role: 'driver' }).inSession();
    const old = bench.arq.session;
    bench.now += 1_000;
    bench.in(rst(5));
    const opened = bench.out();
    expect(brief(opened)).toEqual(['rst']);
    expect(sessionOf(opened[0])).not.toBe(old);
    bench
      .in(rst(5))
      .in(rstack(sessionOf(opened[0])))
      .in(rst(5))
      .in(rst(5));
    expect(bench.changes).toEqual(['up', 'broken', 'up']);
    expect(bench.arq.counters.rst_ignored).toBe(2);
  });

  it('opens a new session when the device goes back to an earlier one', () => {
    const bench = new Bench({ role: 'driver' }).inSession();
    const old = bench.arq.session;
    bench.now += 1_000;
    bench.in(rst(5));
    bench.in(rstack(sessionOf(bench.out()[0])));
    bench.now += 1_000;
    bench.in(rstack(old));
    expect(bench.changes).toEqual(['up', 'broken', 'up', 'broken']);
  });

  it('takes no packet without a session', () => {
    const bench = new Bench({ role: 'driver' });
    bench.out();
    expect(sendRoom(bench.arq)).toBe(0);
    bench
      .in(data(0))
      .in(ack(0))
      .in({ kind: 'plain', payload: Uint8Array.of(1) });
    expect(bench.got).toEqual([]);
    expect(bench.arq.counters).toMatchObject({ no_session: 2, plain_dropped: 1 });
  });
});

describe('opening a session, device', () => {
  it('says that it has none, with the same back-off, until a driver asks', () => {
    const bench = new Bench({ role: 'device' });
    bench.out();
    expect(times(bench.wait(1_300))).toEqual([100, 300, 700, 1200]);
    bench.in(rst(77));
    expect(brief(bench.out())).toEqual(['rstack']);
    expect(bench.wait(5_000)).toEqual([]);
  });

  it('answers DATA and ACK with RST, at most once in 100 ms, and PLAIN never', () => {
    const bench = new Bench({ role: 'device' });
    bench.out();
    bench.wait(720);
    bench.in(data(0));
    expect(bench.out()).toEqual([]);
    bench.now += 80;
    bench.in({ kind: 'plain', payload: Uint8Array.of(1) });
    expect(bench.out()).toEqual([]);
    bench.in(data(0)).in(ack(3));
    expect(brief(bench.out())).toEqual(['rst']);
    bench.in(ack(3));
    expect(bench.out()).toEqual([]);
  });

  it('answers the running session again and changes nothing', () => {
    const bench = new Bench({ role: 'device' }).inSession().send(1);
    bench.out();
    bench.in(rst(77));
    expect(brief(bench.out())).toEqual(['rstack']);
    bench.in(data(0, 1));
    expect(bench.got).toEqual([0]);
    expect(bench.arq.inFlight).toEqual([]);
    expect(bench.changes).toEqual(['up']);
  });

  it('drops everything for another session, before it answers', () => {
    const bench = new Bench({ role: 'device' }).inSession().send(1, 2);
    bench.out();
    bench.in(data(0)).in(rst(78));
    expect(bench.changes).toEqual(['up', 'replaced']);
    expect(brief(bench.out())).toEqual(['rstack']);
    bench.in(data(0, 0, 9)).send(3);
    expect(brief(bench.out())).toEqual(['D0/1']);
  });

  it('takes nothing of an earlier session: before its RSTACK is out, or acknowledging what it never sent', () => {
    const bench = new Bench({ role: 'device' }).inSession();
    bench.in(rst(78)).in(data(0));
    bench.out();
    bench.in(data(0, 4));
    expect(bench.got).toEqual([]);
    bench.in(data(0, 0, 5));
    expect(bench.got).toEqual([5]);
    expect(bench.arq.counters.data_stale).toBe(2);
  });

  it('ignores RSTACK', () => {
    const bench = new Bench({ role: 'device' }).inSession();
    bench.in(rstack(1234)).in(rstack(77));
    expect(bench.changes).toEqual(['up']);
  });
});

describe('PLAIN', () => {
  const plain = (byte: number): SerialFrame => ({ kind: 'plain', payload: Uint8Array.of(byte) });

  it('carries packets without a session where it is set, and ignores RESET', () => {
    const bench = new Bench({ role: 'driver', mode: 'plain' });
    expect(bench.arq).toMatchObject({ phase: 'plain', channel: 1 });
    bench.send(1).in(plain(2)).in(rst(5)).in(rstack(5));
    expect(brief(bench.out())).toEqual(['plain']);
    expect(bench.got).toEqual([2]);
    expect(bench.changes).toEqual([]);
    expect(bench.wait(100_000)).toEqual([]);
  });

  it('is taken by auto when five RSTs stayed unanswered and a PLAIN frame came, in either order', () => {
    const before = new Bench({ role: 'driver', mode: 'auto' });
    before.out();
    before.in(plain(1));
    before.wait(1_250);
    expect(before.arq.phase).toBe('opening');
    before.wait(500);
    expect(before.arq.phase).toBe('plain');

    const after = new Bench({ role: 'driver', mode: 'auto' });
    after.out();
    after.wait(10_000);
    expect(after.arq.phase).toBe('opening');
    after.now += 100;
    after.in(plain(1));
    expect(after.changes).toEqual(['up']);
    expect(after.got).toEqual([]);
  });

  it('is not taken when RSTs are answered, or where it is not asked for', () => {
    const answered = new Bench({ role: 'driver', mode: 'auto' });
    for (let i = 0; i < 20; i++) {
      answered.in(plain(1)).in(rst(i));
      answered.wait(300);
    }
    expect(answered.arq.phase).toBe('opening');
    const reliable = new Bench({ role: 'driver' });
    reliable.in(plain(1));
    reliable.wait(10_000);
    expect(reliable.arq.phase).toBe('opening');
  });

  it('is left on any RESET frame, and after 30 s of silence', () => {
    for (const end of [
      (bench: Bench) => bench.in(rst(5)),
      (bench: Bench) => bench.in(rstack(5)),
      (bench: Bench) => bench.wait(30_000),
    ]) {
      const bench = new Bench({ role: 'driver', mode: 'auto' });
      bench.out();
      bench.wait(2_000);
      bench.in(plain(1));
      expect(bench.arq.phase).toBe('plain');
      end(bench);
      expect(bench.arq.phase).toBe('opening');
      bench.now += 100;
      expect(bench.changes).toEqual(['up', 'broken']);
    }
  });
});
