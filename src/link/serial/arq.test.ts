import { describe, expect, it } from 'vitest';
import { timeouts } from '../../base/timeouts.js';
import type { ResetFrame, SerialFrame } from '../../wire/serial-frame.js';
import { receiveFrame } from './arq-receive.js';
import { type ArqConfig, type ArqState, MAX_MISSES, newArq } from './arq-state.js';
import { deadline, sendPacket, sendRoom, tick, transmit, written } from './arq-transmit.js';

/** One end and a peer that is written out by hand, frame by frame, with the rules of serial-link.md. */
class Bench {
  now = 10_000;
  readonly arq: ArqState;
  readonly got: number[] = [];
  readonly changes: string[] = [];

  constructor(config: Partial<ArqConfig> & Pick<ArqConfig, 'role'>) {
    const full: ArqConfig = {
      mode: 'reliable',
      window: 7,
      maxPayload: 1024,
      bytesPerMs: Number.POSITIVE_INFINITY,
      limits: timeouts(),
      ...config,
    };
    this.arq = newArq(full, 42, this.now);
  }

  /** Frames that go out now; they are written out at once. */
  out(): SerialFrame[] {
    const frames = transmit(this.arq, this.now);
    written(this.arq, this.arq.writeId, this.now);
    return frames;
  }

  in(frame: SerialFrame, hasRoom = true): this {
    const { packet, change } = receiveFrame(this.arq, frame, this.now, hasRoom);
    if (packet !== undefined) this.got.push(packet[0]!);
    if (change !== undefined) this.changes.push(change.kind);
    return this;
  }

  /** Lets time pass, and says what goes out in it, each with its time from the start of the pause. */
  wait(ms: number): [number, SerialFrame][] {
    const start = this.now;
    const seen: [number, SerialFrame][] = [];
    for (;;) {
      const next = deadline(this.arq);
      if (next > start + ms) break;
      this.now = Math.max(this.now, next);
      const change = tick(this.arq, this.now);
      if (change !== undefined) this.changes.push(change.kind);
      seen.push(...this.out().map((frame): [number, SerialFrame] => [Math.round(this.now - start), frame]));
    }
    this.now = start + ms;
    return seen;
  }

  send(...bytes: number[]): this {
    for (const byte of bytes) {
      expect(sendRoom(this.arq)).toBeGreaterThan(0);
      sendPacket(this.arq, Uint8Array.of(byte));
    }
    return this;
  }

  /** In a session, with nothing in flight; `proven` so that the whole window is used. */
  inSession(proven = true): this {
    if (this.arq.config.role === 'driver') {
      const rst = this.out()[0] as ResetFrame;
      this.in({ ...rst, kind: 'rstack' });
    } else {
      this.out();
      this.in(rst(77));
      this.out();
    }
    expect(this.arq.phase).toBe('up');
    if (proven) {
      this.arq.orderly = 10_000;
      this.arq.intact = 10_000;
      this.arq.accepted = 1_000;
    }
    return this;
  }
}

const rst = (session: number, window = 7, maxPayload = 1024): ResetFrame => ({
  kind: 'rst',
  window,
  maxPayload,
  session,
});
const rstack = (session: number, window = 7, maxPayload = 1024): ResetFrame => ({
  kind: 'rstack',
  window,
  maxPayload,
  session,
});
const data = (ns: number, nr = 0, byte = ns): SerialFrame => ({
  kind: 'data',
  ns,
  nr,
  payload: Uint8Array.of(byte),
});
const ack = (nr: number): SerialFrame => ({ kind: 'ack', nr, nak: false });
const nak = (nr: number): SerialFrame => ({ kind: 'ack', nr, nak: true });
const brief = (frames: readonly SerialFrame[]) =>
  frames.map((frame) => {
    if (frame.kind === 'data') return `D${frame.ns}/${frame.nr}`;
    if (frame.kind === 'ack') return `${frame.nak ? 'N' : 'A'}${frame.nr}`;
    return frame.kind;
  });
const times = (seen: [number, SerialFrame][]) => seen.map(([at]) => at);
const sessionOf = (frame: SerialFrame | undefined) => (frame as ResetFrame).session;

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
