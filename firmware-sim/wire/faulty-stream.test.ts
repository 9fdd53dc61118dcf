import { Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { ByteStream, ReceivedBytes, StreamEnd } from '../../src/link/byte-stream.js';
import { HandTime } from '../../test/conformance/hand-time.js';
import { parseFault, type WireFault } from '../fault.js';
import { Random } from '../random.js';
import { MAX_UNDER_WAY } from './delay-line.js';
import { newWireFaultCounters, WireFaultState } from './fault-state.js';
import { withWireFaults } from './faulty-stream.js';

/** What is written comes back at once: a plug that joins both wires. */
function loopback() {
  const data$ = new Subject<ReceivedBytes>();
  const end$ = new Subject<StreamEnd>();
  const stream: ByteStream = {
    name: 'loopback',
    data$,
    end$,
    bytesPerSecond: undefined,
    pendingBytes: 0,
    write: async (bytes) => data$.next({ arrivedNs: 0n, bytes }),
    close: async () => end$.next({ cause: 'closed', reason: 'closed' }),
  };
  return stream;
}

function rig(...specs: string[]) {
  const time = new HandTime();
  const faults = new WireFaultState();
  const counters = newWireFaultCounters();
  const set = (spec: string) => faults.set(parseFault(spec) as WireFault, Number(time.now));
  for (const spec of specs) set(spec);
  const stream = withWireFaults(loopback(), { faults, random: new Random(1), counters, time });
  /** Each piece that came back, and when, ms. */
  const received: [ms: number, text: string][] = [];
  stream.data$.subscribe(({ bytes }) => {
    received.push([Number(time.now) / 1e6, Buffer.from(bytes).toString('latin1')]);
  });
  const write = (text: string) => void stream.write(Buffer.from(text, 'latin1'));
  return { time, faults, counters, set, stream, received, write };
}

/** Sends `total` bytes of 0xaa in pieces, and returns what came back. */
function send(corrupt: number, drop: number, total: number, piece: number, seed = 1) {
  const counters = newWireFaultCounters();
  const faults = new WireFaultState();
  faults.set({ kind: 'corrupt', probability: corrupt }, 0);
  faults.set({ kind: 'drop', probability: drop }, 0);
  const parts = { faults, random: new Random(seed), counters, time: new HandTime() };
  const stream = withWireFaults(loopback(), parts);
  const received: number[] = [];
  stream.data$.subscribe(({ bytes }) => received.push(...bytes));
  for (let sent = 0; sent < total; sent += piece) {
    void stream.write(new Uint8Array(Math.min(piece, total - sent)).fill(0xaa));
  }
  return { received, counters };
}

describe('damage', () => {
  it('leaves everything whole at probability 0', () => {
    const { received, counters } = send(0, 0, 1000, 10);
    expect([received.length, counters]).toEqual([1000, newWireFaultCounters()]);
  });

  it.each([1, 7, 64, 5000])('comes as often as asked for, both ways, in pieces of %i bytes', (piece) => {
    const total = 200_000;
    const { received, counters } = send(0.01, 0.005, total, piece);
    expect(received.length).toBe(total - counters.bytes_dropped);
    const changed = received.filter((byte) => byte !== 0xaa).length;
    // Of the corrupted bytes some were dropped after, and a few hit twice.
    expect(changed).toBeGreaterThan(counters.bytes_corrupted * 0.97);
    expect(changed).toBeLessThanOrEqual(counters.bytes_corrupted);
    expect(counters.bytes_corrupted / (2 * total)).toBeCloseTo(0.01, 3);
    expect(counters.bytes_dropped / (2 * total)).toBeCloseTo(0.005, 3);
  });

  it('is the same with the same seed', () => {
    const whole = send(0.02, 0, 5000, 5000, 42).received;
    expect(send(0.02, 0, 5000, 5000, 42).received).toEqual(whole);
    expect(send(0.02, 0, 5000, 5000, 43).received).not.toEqual(whole);
  });

  it('never changes the bytes that were handed over', async () => {
    const { counters, stream } = rig('corrupt:0.5', 'drop:0.5');
    const bytes = new Uint8Array(1000);
    await stream.write(bytes);
    expect(bytes).toEqual(new Uint8Array(1000));
    expect(counters.bytes_corrupted).toBeGreaterThan(300);
  });

  it('begins and ends while the stream is open', () => {
    const { faults, counters, set, write } = rig();
    write('x'.repeat(1000));
    expect(counters.bytes_corrupted).toBe(0);
    set('corrupt:0.1');
    write('x'.repeat(1000));
    const made = counters.bytes_corrupted;
    expect(made).toBeGreaterThan(100);
    faults.clear();
    write('x'.repeat(1000));
    expect(counters.bytes_corrupted).toBe(made);
  });
});

describe('duplicate', () => {
  it.each([1, 3, 1000])('repeats frames whole, however they come: pieces of %i bytes', (piece) => {
    const frames = Array.from({ length: 200 }, (_, i) => `frame ${i}\0`);
    const { counters, received, write } = rig('duplicate:0.3');
    const text = frames.join('');
    for (let at = 0; at < text.length; at += piece) write(text.slice(at, at + piece));
    const got = received
      .map(([, bytes]) => bytes)
      .join('')
      .split('\0');
    expect(got.pop()).toBe('');
    // Once on the way out and once on the way back: a frame comes up to four times, all together.
    expect(got.filter((frame, i) => frame !== got[i - 1]).map((frame) => `${frame}\0`)).toEqual(frames);
    expect(got.length).toBe(frames.length + counters.frames_duplicated);
    expect(counters.frames_duplicated).toBeGreaterThan(80);
    expect(counters.frames_duplicated).toBeLessThan(200);
  });

  it('leaves alone what it saw only the end of, and what is too long for a frame', () => {
    const { counters, received, set, write } = rig();
    write('first hal');
    set('duplicate:0.99999999');
    write('f\0');
    write(`${'x'.repeat(5000)}\0\0\0`);
    expect(counters.frames_duplicated).toBe(0);
    expect(received.map(([, bytes]) => bytes).join('')).toBe(`first half\0${'x'.repeat(5000)}\0\0\0`);
  });
});

describe('delay', () => {
  it('brings bytes later, both ways, in their order', () => {
    const { time, counters, received, write } = rig('delay:20ms');
    write('a');
    time.advance(5);
    write('b');
    time.advance(34.9);
    expect(received).toEqual([]);
    time.advance(100);
    expect(received).toEqual([
      [40, 'a'],
      [45, 'b'],
    ]);
    expect(counters.bytes_delayed).toBe(4);
  });

  it('that ends lets nothing overtake', () => {
    const { time, faults, received, write } = rig('delay:20ms');
    write('a');
    faults.clear();
    write('b');
    time.advance(100);
    write('c');
    expect(received).toEqual([
      [20, 'a'],
      [20, 'b'],
      [100, 'c'],
    ]);
  });

  it('keeps what was handed over, not what became of that memory', () => {
    const { time, received, stream } = rig('delay:1ms');
    const bytes = Buffer.from('before');
    void stream.write(bytes);
    bytes.fill('x');
    time.advance(5);
    expect(received).toEqual([[2, 'before']]);
  });

  it('keeps no more than a bound, and counts the rest', () => {
    const { time, counters, received, write } = rig('delay:1s');
    for (let i = 0; i < 2000; i++) write('x'.repeat(1024));
    expect(counters.bytes_overrun).toBeGreaterThan(2000 * 1024 - MAX_UNDER_WAY);
    time.advance(5000);
    const got = received.reduce((sum, [, text]) => sum + text.length, 0);
    expect(got + counters.bytes_overrun).toBe(2000 * 1024);
    expect(got).toBeGreaterThan(MAX_UNDER_WAY / 2);
  });

  it('loses what is under way when the stream ends', async () => {
    const { time, received, stream, write } = rig('delay:10ms');
    write('a');
    await stream.close();
    time.advance(1000);
    expect(received).toEqual([]);
  });
});

describe('stall', () => {
  it('lets nothing pass for its time at the end of each period, then all of it in order', () => {
    const { time, counters, received, write } = rig('stall:100ms:30ms');
    for (let ms = 0; ms < 240; ms += 10) {
      write(`${ms} `);
      time.advance(10);
    }
    time.advance(100);
    const at = (from: number, to: number) =>
      received
        .filter(([ms]) => ms >= from && ms < to)
        .map(([, text]) => text.trim())
        .join(',');
    expect(at(0, 100)).toBe('0,10,20,30,40,50,60,70,80,90');
    expect(at(100, 130)).toBe('');
    expect(at(130, 131)).toBe('100,110,120,130');
    expect(at(200, 230)).toBe('');
    expect(at(230, 231)).toBe('200,210,220,230');
    expect(counters.bytes_stalled).toBe(3 * 4 * 2);
  });

  it('and delay add up', () => {
    const { time, received, write } = rig('delay:10ms', 'stall:100ms:50ms');
    time.advance(95);
    write('a');
    time.advance(200);
    expect(received).toEqual([[160, 'a']]);
  });
});
