import { describe, expect, it } from 'vitest';
import { HandTime } from '../../test/conformance/hand-time.js';
import { PairedStream } from '../../test/support/stream-pair.js';
import { MAX_WAITING } from './paced-line.js';
import { withBaud } from './paced-stream.js';

/** Timers of a busy machine. */
class LateTime extends HandTime {
  constructor(private readonly lateMs: number) {
    super();
  }
  override set(callback: () => void, delayMs: number): object {
    return super.set(callback, delayMs + this.lateMs);
  }
}

/** A device whose line has this rate, and its host; timers run late by `lateMs`. */
function rig(baud: number, lateMs = 0) {
  const time = new LateTime(lateMs);
  const [far, host] = PairedStream.pair(time);
  const device = withBaud(far, baud, time);
  const atHost: [ms: number, bytes: number][] = [];
  const atDevice: [ms: number, bytes: number][] = [];
  const ms = () => Number(time.now) / 1e6;
  host.data$.subscribe(({ bytes }) => atHost.push([ms(), bytes.length]));
  device.data$.subscribe(({ bytes }) => atDevice.push([ms(), bytes.length]));
  const sum = (pieces: readonly [number, number][]) => pieces.reduce((all, [, bytes]) => all + bytes, 0);
  return { time, device, host, far, atHost, atDevice, sum };
}

describe('a stream with a baud rate', () => {
  it('says what it can carry, and what waits', async () => {
    const { device } = rig(115_200);
    expect(device.bytesPerSecond).toBe(11_520);
    void device.write(new Uint8Array(100));
    void device.write(new Uint8Array(20));
    expect(device.pendingBytes).toBe(120);
  });

  it('lets each byte take the time of ten bits, and a write resolve with its last', async () => {
    const { time, device, atHost, sum } = rig(10_000);
    let written = false;
    void device.write(new Uint8Array(8)).then(() => {
      written = true;
    });
    time.advance(7.9);
    await Promise.resolve();
    expect([sum(atHost), written]).toEqual([7, false]);
    time.advance(0.2);
    for (let turn = 0; turn < 3; turn++) await Promise.resolve();
    expect([sum(atHost), written, device.pendingBytes]).toEqual([8, true, 0]);
  });

  it('is busy all the time while bytes wait, however late timers run', () => {
    const { time, device, atHost, sum } = rig(1_000_000, 6);
    for (let i = 0; i < 20; i++) void device.write(new Uint8Array(1000));
    time.advance(210);
    expect(sum(atHost)).toBe(20_000);
    expect(atHost.length).toBeLessThanOrEqual(220);
  });

  it('does not save up the time in which it was idle', () => {
    const { time, device, atHost, sum } = rig(10_000);
    time.advance(1_000);
    void device.write(new Uint8Array(50));
    time.advance(10.5);
    expect(sum(atHost)).toBe(10);
  });

  it('carries both ways at once, in order, and stamps what came when the line had brought it', () => {
    const { time, device, host } = rig(10_000);
    const got: { at: bigint; bytes: number[] }[] = [];
    device.data$.subscribe(({ bytes, arrivedNs }) => got.push({ at: arrivedNs, bytes: [...bytes] }));
    void device.write(new Uint8Array(30));
    void host.write(Uint8Array.of(1, 2, 3));
    void host.write(Uint8Array.of(4, 5));
    time.advance(20);
    expect(got.flatMap(({ bytes }) => bytes)).toEqual([1, 2, 3, 4, 5]);
    expect(got.at(-1)!.at).toBe(5_000_000n);
  });

  it('takes no more than its bound, and rejects what waits when the port goes away', async () => {
    const { device, far, time } = rig(10_000);
    const waiting = device.write(new Uint8Array(MAX_WAITING));
    await expect(device.write(new Uint8Array(1))).rejects.toMatchObject({ name: 'QUEUE_FULL' });
    far.unplug();
    await expect(waiting).rejects.toMatchObject({ name: 'LINK_DOWN' });
    await expect(device.write(new Uint8Array(1))).rejects.toMatchObject({ name: 'LINK_DOWN' });
    time.advance(10_000);
    expect(device.pendingBytes).toBe(0);
  });
});
