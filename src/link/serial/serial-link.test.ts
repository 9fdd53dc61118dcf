import { describe, expect, it } from 'vitest';
import { HandTime } from '../../../test/conformance/hand-time.js';
import { PairedStream } from '../../../test/support/stream-pair.js';
import { decodeSerialFrame, encodeSerialFrame, type SerialFrame } from '../../wire/serial-frame.js';
import type { LinkState } from '../packet-link.js';
import { lineOffer } from './line-offer.js';
import { SerialLink, type SerialLinkOptions } from './serial-link.js';

/** Lets promises and ticks run. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

class Rig {
  readonly time = new HandTime();
  readonly stream: PairedStream;
  readonly peer: PairedStream;
  readonly link: SerialLink;
  readonly states: LinkState[] = [];
  readonly got: number[][] = [];

  constructor(options: Partial<SerialLinkOptions> = {}) {
    this.time.now = 1_000_000_000n;
    [this.stream, this.peer] = PairedStream.pair(this.time);
    this.link = new SerialLink('serial:test', this.stream, {
      role: 'driver',
      time: this.time,
      random: () => 0.5,
      ...options,
    });
    this.link.state$.subscribe((state) => this.states.push(state));
    this.link.packets$.subscribe(({ packets }) => this.got.push(packets.map((packet) => packet[0]!)));
  }

  async wait(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 5) {
      await turn();
      this.time.advance(Math.min(5, ms - passed));
    }
    await turn();
  }

  /** Frames written so far, oldest first, and then forgotten. */
  written(): SerialFrame[] {
    const frames = this.stream.writes.splice(0).flatMap((bytes) => framesOf(bytes));
    return frames;
  }

  arrive(...frames: SerialFrame[]): void {
    this.stream.arrive(Buffer.concat(frames.map(encodeSerialFrame)));
  }

  async up(): Promise<this> {
    await this.wait(1);
    const rst = this.written().find((frame) => frame.kind === 'rst');
    if (rst?.kind !== 'rst') throw new Error('no RST');
    this.arrive({ ...rst, kind: 'rstack' });
    expect(this.link.state.kind).toBe('up');
    return this;
  }

  get kinds(): string[] {
    return this.states.map(({ kind }) => kind);
  }
}

function framesOf(bytes: Uint8Array): SerialFrame[] {
  const frames: SerialFrame[] = [];
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(0, from);
    const frame = decodeSerialFrame(bytes.subarray(from, end));
    if (frame.kind !== 'discarded') frames.push(frame);
    from = end + 1;
  }
  return frames;
}

const plain = (...bytes: number[]): SerialFrame => ({ kind: 'plain', payload: Uint8Array.from(bytes) });
const data = (ns: number, nr: number, byte: number): SerialFrame => ({
  kind: 'data',
  ns,
  nr,
  payload: Uint8Array.of(byte),
});

describe('SerialLink', () => {
  it('writes what is sent in one turn at once', async () => {
    const rig = new Rig({ mode: 'plain' });
    await rig.wait(1);
    for (const byte of [1, 2, 3]) void rig.link.send(Uint8Array.of(byte));
    await Promise.resolve().then(() => rig.link.send(Uint8Array.of(4)));
    await turn();
    expect(rig.stream.writes).toHaveLength(1);
    expect(rig.written()).toEqual([plain(1), plain(2), plain(3), plain(4)]);
  });

  it('gives the packets of one read as one batch, and answers in the same turn with their acknowledgement', async () => {
    const rig = await new Rig().up();
    rig.link.packets$.subscribe(() => void rig.link.send(Uint8Array.of(9)));
    rig.arrive(data(0, 0, 1));
    expect(rig.got).toEqual([[1]]);
    await turn();
    expect(rig.written()).toContainEqual({ kind: 'data', ns: 0, nr: 1, payload: Buffer.of(9) });
  });

  it('goes from up to opening to up for a new session, and rejects what waited', async () => {
    const rig = await new Rig().up();
    const waiting = Array.from({ length: 5 }, (_, i) => rig.link.send(Uint8Array.of(i)));
    const outcomes = Promise.allSettled(waiting);
    await turn();
    rig.arrive({ kind: 'rst', window: 7, maxPayload: 1024, session: 99 });
    expect(rig.link.room).toBe(0);
    await expect(rig.link.send(Uint8Array.of(1))).rejects.toMatchObject({ name: 'LINK_DOWN' });
    const results = (await outcomes).map(({ status }) => status);
    expect(results).toEqual(['fulfilled', 'rejected', 'rejected', 'rejected', 'rejected']);
    await rig.wait(110);
    await rig.up();
    expect(rig.states).toEqual([
      { kind: 'opening' },
      { kind: 'up', channel: 1, delivery: 'reliable' },
      { kind: 'opening', reason: 'the device has no session' },
      { kind: 'up', channel: 2, delivery: 'reliable' },
    ]);
  });

  it('delivers what the old session brought before it says that it is over', async () => {
    const rig = await new Rig().up();
    const order: string[] = [];
    rig.link.packets$.subscribe(() => order.push('packets'));
    rig.link.state$.subscribe(({ kind }) => order.push(kind));
    rig.arrive(data(0, 0, 1), { kind: 'rst', window: 7, maxPayload: 1024, session: 99 });
    expect(order).toEqual(['up', 'packets', 'opening']);
  });

  it('drops, as a device, what a replaced session brought in the same read', async () => {
    const rig = new Rig({ role: 'device' });
    const rst = (session: number): SerialFrame => ({ kind: 'rst', window: 7, maxPayload: 1024, session });
    await rig.wait(1);
    rig.arrive(rst(1));
    await turn();
    rig.arrive(data(0, 0, 1), rst(2));
    expect(rig.got).toEqual([]);
    expect(rig.kinds).toEqual(['opening', 'up', 'opening', 'up']);
    expect(rig.link.state).toMatchObject({ channel: 2 });
  });

  it('holds frames to the packet size that both agreed on', async () => {
    const rig = new Rig();
    await rig.wait(1);
    const rst = rig.written()[0]!;
    if (rst.kind !== 'rst') throw new Error('no RST');
    rig.arrive({ ...rst, kind: 'rstack', maxPayload: 64 });
    expect(rig.link.maxPacket).toBe(64);
    expect(rig.link.packetHint).toBe(64);
    rig.arrive({ kind: 'data', ns: 0, nr: 0, payload: new Uint8Array(65) });
    expect(rig.link.counters).toMatchObject({ discarded_long: 1, data_received: 0 });
    await expect(rig.link.send(new Uint8Array(65))).rejects.toMatchObject({ name: 'INVALID_ARGUMENT' });
  });

  it('counts what it throws away, each by its cause', async () => {
    const rig = await new Rig().up();
    rig.stream.arrive(Buffer.from('0440010200' + '09010200' + '0b0968756c6c6ff0a1ff6600', 'hex'));
    expect(rig.link.counters).toMatchObject({ discarded_short: 1, discarded_stuffing: 1, discarded_crc: 1 });
  });

  it('goes down when its stream ends, and when its stream cannot be opened', async () => {
    const rig = await new Rig().up();
    const waiting = expect(rig.link.send(new Uint8Array(3))).rejects.toMatchObject({ name: 'LINK_DOWN' });
    rig.stream.unplug();
    await waiting;
    expect(rig.link.state).toEqual({ kind: 'down', cause: 'gone', reason: 'unplugged' });
    const failed = new SerialLink('serial:x', Promise.reject(new Error('no such port')), {
      role: 'driver',
      time: rig.time,
      random: Math.random,
    });
    expect(failed.state.kind).toBe('opening');
    await turn();
    expect(failed.state).toEqual({ kind: 'down', cause: 'error', reason: 'no such port' });
  });

  it('closes a stream that opens after the link was closed', async () => {
    const time = new HandTime();
    const [stream] = PairedStream.pair(time);
    let ended = false;
    stream.end$.subscribe(() => {
      ended = true;
    });
    const opening = Promise.resolve(stream);
    const link = new SerialLink('serial:x', opening, { role: 'driver', time, random: Math.random });
    await link.close();
    expect(ended).toBe(true);
    expect(stream.writes).toEqual([]);
  });

  it('gives up a port that writes nothing out, as a driver; a device waits', async () => {
    for (const role of ['driver', 'device'] as const) {
      const rig = new Rig({ role });
      rig.stream.stuck = true;
      await rig.wait(6_000);
      expect(rig.link.state.kind).toBe(role === 'driver' ? 'down' : 'opening');
      if (role === 'driver') expect(rig.link.state).toMatchObject({ cause: 'error' });
    }
  });

  it('hands a stuck port a bounded number of bytes', async () => {
    const rig = new Rig({ role: 'device' });
    rig.stream.stuck = true;
    await rig.wait(1_000);
    rig.arrive({ kind: 'rst', window: 7, maxPayload: 1024, session: 5 });
    for (let i = 0; i < 20_000; i++) rig.arrive(data(5, 0, 1), data(6, 0, 1));
    await rig.wait(1_000);
    expect(rig.stream.pendingBytes).toBeLessThan(40_000);
  });

  it('leaves no timer behind when closed', async () => {
    const rig = await new Rig().up();
    void rig.link.send(Uint8Array.of(1)).catch(() => undefined);
    await turn();
    await rig.link.close();
    rig.stream.writes.length = 0;
    await rig.wait(30_000);
    expect(rig.stream.writes).toEqual([]);
    expect(rig.link.state).toMatchObject({ kind: 'down', cause: 'closed' });
  });
});

describe('SerialLink in PLAIN', () => {
  it('is up at once where it is set', async () => {
    const rig = new Rig({ mode: 'plain' });
    expect(rig.link.state).toEqual({ kind: 'up', channel: 1, delivery: 'plain' });
    rig.arrive(plain(5), plain(6));
    expect(rig.got).toEqual([[5, 6]]);
    expect(rig.link.room).toBeGreaterThan(0);
  });

  it('two ends that are set to it talk', async () => {
    const rig = new Rig({ mode: 'plain' });
    const device = new SerialLink('device', rig.peer, {
      role: 'device',
      mode: 'plain',
      time: rig.time,
      random: Math.random,
    });
    device.packets$.subscribe(({ packets }) => {
      for (const packet of packets) void device.send(Uint8Array.of(packet[0]! + 1));
    });
    for (let i = 0; i < 50; i++) {
      await rig.link.send(Uint8Array.of(i));
      await rig.wait(5);
    }
    expect(rig.got.flat()).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
  });

  it('is found by auto: RSTs stay unanswered, the probe is answered, and the answer is kept back', async () => {
    const rig = new Rig({ mode: 'auto', plainProbe: () => Uint8Array.of(0xbb) });
    await rig.wait(1_300);
    expect(rig.written().every(({ kind }) => kind === 'rst')).toBe(true);
    await rig.wait(1_000);
    expect(rig.written()).toContainEqual({ kind: 'plain', payload: Uint8Array.of(0xbb) });
    rig.arrive(plain(1));
    await rig.wait(200);
    expect(rig.link.state).toEqual({ kind: 'up', channel: 1, delivery: 'plain' });
    expect(rig.got).toEqual([]);
    rig.arrive(plain(2));
    expect(rig.got).toEqual([[2]]);
  });

  it('is left by auto on a RESET frame, for a session', async () => {
    const rig = new Rig({ mode: 'auto' });
    await rig.wait(1_400);
    rig.arrive(plain(1));
    await rig.wait(200);
    expect(rig.link.state).toMatchObject({ delivery: 'plain' });
    rig.written();
    rig.arrive({ kind: 'rst', window: 7, maxPayload: 1024, session: 4 });
    expect(rig.link.state.kind).toBe('opening');
    await rig.wait(110);
    await rig.up();
    expect(rig.link.state).toEqual({ kind: 'up', channel: 2, delivery: 'reliable' });
  });

  it('is left by auto after 30 s of silence', async () => {
    const rig = new Rig({ mode: 'auto' });
    await rig.wait(1_400);
    rig.arrive(plain(1));
    await rig.wait(200);
    expect(rig.link.state.kind).toBe('up');
    await rig.wait(30_100);
    expect(rig.link.state.kind).toBe('opening');
  });
});

describe('the offer of a line', () => {
  it.each([
    [undefined, 7, 1024],
    [1_000_000, 7, 1024],
    [92_160, 7, 1024],
    [11_520, 4, 708],
    [960, 1, 128],
    [120, 1, 64],
  ])('of %s bytes a second is window %i, max_payload %i', (speed, window, maxPayload) => {
    expect(lineOffer(speed)).toEqual({ window, maxPayload });
  });

  it('is at most what is asked for, and carried in about 250 ms unless it is one frame', () => {
    for (let speed = 30; speed < 200_000; speed = Math.ceil(speed * 1.3)) {
      const { window, maxPayload } = lineOffer(speed, 500);
      expect(maxPayload).toBeLessThanOrEqual(500);
      expect(maxPayload).toBeGreaterThanOrEqual(64);
      if (window > 1) expect(((maxPayload + 8) * window) / speed).toBeLessThanOrEqual(0.25);
    }
  });
});
