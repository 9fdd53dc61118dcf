import { Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { ByteStream, ReceivedBytes } from '../src/link/byte-stream.js';
import { Random } from './random.js';
import { withWireFaults } from './wire-faults.js';

/** What is written comes back at once: a plug that joins both wires. */
function loopback(): ByteStream {
  const data$ = new Subject<ReceivedBytes>();
  return {
    name: 'loopback',
    data$,
    end$: new Subject(),
    bytesPerSecond: undefined,
    pendingBytes: 0,
    write: async (bytes) => data$.next({ arrivedNs: 0n, bytes }),
    close: async () => undefined,
  };
}

/** Sends `total` bytes of 0xaa in pieces, and returns what came back. */
function send(corrupt: number, drop: number, total: number, piece: number, seed = 1) {
  const counters = { bytes_corrupted: 0, bytes_dropped: 0 };
  const stream = withWireFaults(loopback(), { corrupt, drop }, new Random(seed), counters);
  const received: number[] = [];
  stream.data$.subscribe(({ bytes }) => received.push(...bytes));
  for (let sent = 0; sent < total; sent += piece) {
    void stream.write(new Uint8Array(Math.min(piece, total - sent)).fill(0xaa));
  }
  return { received, counters };
}

describe('wire faults', () => {
  it('leave everything whole at probability 0', () => {
    const { received, counters } = send(0, 0, 1000, 10);
    expect([received.length, counters.bytes_corrupted, counters.bytes_dropped]).toEqual([1000, 0, 0]);
  });

  it.each([1, 7, 64, 5000])('come as often as asked for, both ways, in pieces of %i bytes', (piece) => {
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

  it('are the same with the same seed', () => {
    const whole = send(0.02, 0, 5000, 5000, 42).received;
    expect(send(0.02, 0, 5000, 5000, 42).received).toEqual(whole);
    expect(send(0.02, 0, 5000, 5000, 43).received).not.toEqual(whole);
  });

  it('never change the bytes that were handed over', async () => {
    const bytes = new Uint8Array(1000);
    const counters = { bytes_corrupted: 0, bytes_dropped: 0 };
    const stream = withWireFaults(loopback(), { corrupt: 0.5, drop: 0.5 }, new Random(1), counters);
    await stream.write(bytes);
    expect(bytes).toEqual(new Uint8Array(1000));
    expect(counters.bytes_corrupted).toBeGreaterThan(300);
  });
});
