import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeGpioConfig, decodeStampedIrqResponse, putStampedIrqResponse } from '../virtio-gpio.js';
import { type BusMessage, encodeBus } from './bus.js';
import { DROP_REASONS } from './header.js';
import { decodeMessage, type Message } from './message.js';
import {
  encodeVqAvail,
  encodeVqUsed,
  forEachAvail,
  forEachUsed,
  QUEUE_MESSAGE_OVERHEAD,
  type VqAvail,
  VqAvailBuilder,
  type VqUsed,
  VqUsedBuilder,
} from './queue.js';
import { encodeTransport, type TransportMessage } from './transport.js';

interface Vector {
  readonly name: string;
  readonly bytes: string;
  // biome-ignore lint/suspicious/noExplicitAny: each vector has fields of its own
  readonly [field: string]: any;
}

const vectors = JSON.parse(
  readFileSync(new URL('../../../test/vectors/virtio-msg.json', import.meta.url), 'utf8'),
) as { valid: Vector[]; invalid: Vector[] };

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const unhex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));

function vector(name: string): Vector {
  const found = vectors.valid.find((entry) => entry.name === name);
  if (found === undefined) throw new Error(`no vector ${name}`);
  return found;
}

/** What the vector says its message is, in this project's words. */
const EXPECTED: Readonly<Record<string, (v: Vector) => Record<string, unknown>>> = {
  'hello-request': (v) => ({
    type: 'hello-request',
    token: v.token,
    revision: v.revision,
    maxMsgSize: v.maxMsgSize,
    busFeatures: v.busFeatures,
    knownBootId: v.knownBootId,
  }),
  'hello-response': (v) => ({
    type: 'hello-response',
    token: v.token,
    revision: v.revision,
    maxMsgSize: v.maxMsgSize,
    busFeatures: v.busFeatures,
    bootId: v.bootId,
    resumed: v.resumed,
    ident: v.ident,
  }),
  'get-devices-request': (v) => ({ type: 'get-devices-request', offset: v.offset, count: v.count }),
  'get-devices-response': (v) => ({
    type: 'get-devices-response',
    offset: v.offset,
    count: v.count,
    nextOffset: v.nextOffset,
    devices: v.devices,
  }),
  'device-info-response': (v) => ({
    type: 'device-info-response',
    devNum: v.devNum,
    info: {
      deviceId: v.deviceId,
      vendorId: v.vendorId,
      featureBits: v.featureBits,
      configSize: v.configSize,
      maxVirtqueues: v.maxVirtqueues,
      adminVqStart: 0,
      adminVqCount: 0,
    },
  }),
  'features-response': (v) => ({
    type: 'features-response',
    features: {
      block: 0,
      bits: [0, 1].map((block) =>
        v.features
          .filter((bit: number) => bit >> 5 === block)
          .reduce((bits: number, bit: number) => (bits | (1 << (bit & 31))) >>> 0, 0),
      ),
    },
  }),
  'config-response': (v) => ({
    type: 'config-response',
    config: { generation: v.generation, offset: v.offset },
  }),
  'status-request': (v) => ({ type: 'set-status-request', status: v.status }),
  'avail-two-requests': (v) => ({ type: 'vq-avail', devNum: v.devNum, vq: v.vq, count: v.buffers.length }),
  'used-two-responses': (v) => ({ type: 'vq-used', devNum: v.devNum, vq: v.vq, count: v.buffers.length }),
  'used-stamped-event': (v) => ({ type: 'vq-used', devNum: v.devNum, vq: v.vq, count: 1 }),
  'avail-event-buffer': (v) => ({ type: 'vq-avail', devNum: v.devNum, vq: v.vq, count: v.buffers.length }),
  'used-account-invalid': (v) => ({ type: 'vq-used', devNum: v.devNum, vq: v.vq, count: 1 }),
  boot: (v) => ({ type: 'boot', bootId: v.bootId }),
  'time-response': (v) => ({
    type: 'time-response',
    t1: BigInt(v.t1),
    t2: BigInt(v.t2),
    t3: BigInt(v.t3),
  }),
  log: (v) => ({ type: 'log', level: v.level, text: v.text }),
};

function availBuffers(message: VqAvail): { id: number; inLen: number; out: Uint8Array }[] {
  const buffers: { id: number; inLen: number; out: Uint8Array }[] = [];
  forEachAvail(message, (id, inLen, at, length) => {
    buffers.push({ id, inLen, out: message.packet.slice(at, at + length) });
  });
  return buffers;
}

function usedBuffers(message: VqUsed): { id: number; in: Uint8Array }[] {
  const buffers: { id: number; in: Uint8Array }[] = [];
  forEachUsed(message, (id, at, length) => {
    buffers.push({ id, in: message.packet.slice(at, at + length) });
  });
  return buffers;
}

function encode(message: Message): Uint8Array {
  switch (message.type) {
    case 'vq-avail':
      return encodeVqAvail(message.devNum, message.vq, availBuffers(message));
    case 'vq-used':
      return encodeVqUsed(message.devNum, message.vq, usedBuffers(message));
    case 'dropped':
      throw new Error(`dropped: ${message.reason}`);
    default:
      return 'devNum' in message && message.type !== 'event-device'
        ? encodeTransport(message as TransportMessage)
        : encodeBus(message as Exclude<BusMessage, VqAvail | VqUsed>);
  }
}

describe('the vectors of virtio-msg', () => {
  it('are all looked at', () => {
    expect(vectors.valid.map(({ name }) => name).sort()).toEqual(Object.keys(EXPECTED).sort());
  });

  it.each(vectors.valid)('$name says what it should', (entry) => {
    expect(decodeMessage(unhex(entry.bytes))).toMatchObject(EXPECTED[entry.name]!(entry));
  });

  it.each(vectors.valid)('$name is encoded to the same bytes', ({ bytes }) => {
    expect(hex(encode(decodeMessage(unhex(bytes))))).toBe(bytes);
  });

  it.each(['avail-two-requests', 'avail-event-buffer'])('%s holds its buffers', (name) => {
    const { bytes, buffers } = vector(name);
    const decoded = availBuffers(decodeMessage(unhex(bytes)) as VqAvail);
    expect(decoded.map(({ id, inLen, out }) => ({ id, inLen, out: hex(out) }))).toEqual(buffers);
  });

  it('used-two-responses holds its buffers', () => {
    const { bytes, buffers } = vector('used-two-responses');
    const decoded = usedBuffers(decodeMessage(unhex(bytes)) as VqUsed);
    expect(decoded.map((buffer) => ({ id: buffer.id, in: hex(buffer.in) }))).toEqual(buffers);
  });

  it.each(['used-stamped-event', 'used-account-invalid'])('%s holds its event', (name) => {
    const { bytes, id, status, level, seq, timeNs } = vector(name);
    const [buffer] = usedBuffers(decodeMessage(unhex(bytes)) as VqUsed);
    const event = { status, level, seq, timeNs: BigInt(timeNs) };
    expect([buffer.id, decodeStampedIrqResponse(buffer.in)]).toEqual([id, event]);
    const written = new Uint8Array(16);
    putStampedIrqResponse(written, 0, status, level, seq, BigInt(timeNs));
    expect(hex(written)).toBe(hex(buffer.in));
  });

  it('config-response holds the configuration', () => {
    const { bytes, length, ngpio, gpioNamesSize, eventDepth } = vector('config-response');
    const message = decodeMessage(unhex(bytes));
    if (message.type !== 'config-response') throw new Error(message.type);
    expect(message.config.bytes.length).toBe(length);
    expect(decodeGpioConfig(message.config.bytes)).toEqual({ ngpio, gpioNamesSize, eventDepth });
  });

  it.each([
    ['size-field-too-big', 'size-over-packet'],
    ['size-field-under-8', 'size-under-8'],
    ['element-cut', 'element-cut'],
    ['header-cut', 'header-cut'],
    ['unknown-id', 'unknown-id'],
  ])('%s is dropped as %s', (name, reason) => {
    const { bytes } = vectors.invalid.find((entry) => entry.name === name)!;
    expect(decodeMessage(unhex(bytes))).toMatchObject({ type: 'dropped', reason });
  });

  it('has no other invalid ones', () => {
    expect(vectors.invalid).toHaveLength(5);
  });
});

describe('decodeMessage', () => {
  const packets = vectors.valid.map(({ bytes }) => unhex(bytes));

  it('ignores what is behind a message', () => {
    for (const packet of packets) {
      const longer = Uint8Array.from([...packet, 0xff, 0xff]);
      expect(hex(encode(decodeMessage(longer)))).toBe(hex(packet));
    }
  });

  it('drops every message that is cut, and never says more of it', () => {
    for (const packet of packets) {
      for (let length = 0; length < packet.length; length++) {
        expect(decodeMessage(packet.subarray(0, length)).type).toBe('dropped');
      }
    }
  });

  it('drops a message whose size is too small for its layout', () => {
    const cut = unhex(vector('hello-response').bytes);
    new DataView(cut.buffer).setUint16(6, 20, true);
    expect(decodeMessage(cut)).toMatchObject({ type: 'dropped', reason: 'body-cut' });
  });

  it('drops a request with token 0, and takes an event with one', () => {
    for (const name of ['hello-request', 'get-devices-request', 'status-request']) {
      const packet = unhex(vector(name).bytes);
      packet.fill(0, 4, 6);
      expect(decodeMessage(packet)).toMatchObject({ type: 'dropped', reason: 'token-zero' });
    }
    expect(decodeMessage(unhex(vector('boot').bytes)).type).toBe('boot');
  });

  it('ignores the reserved bits of the type', () => {
    const packet = unhex(vector('boot').bytes);
    packet[0]! |= 0xfc;
    expect(decodeMessage(packet).type).toBe('boot');
  });

  it('never throws, and gives a known reason for what it drops', () => {
    const mutated = fc
      .tuple(
        fc.constantFrom(...packets),
        fc.array(fc.tuple(fc.nat(80), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
        fc.nat(80),
      )
      .map(([packet, changes, cut]) => {
        const copy = packet.slice(0, packet.length - (cut < packet.length ? cut : 0));
        for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
        return copy;
      });
    const anything = fc.oneof(mutated, fc.uint8Array({ maxLength: 96 }));
    fc.assert(
      fc.property(anything, (packet) => {
        const message = decodeMessage(packet);
        if (message.type === 'dropped') return DROP_REASONS.includes(message.reason);
        return typeof hex(encode(message)) === 'string';
      }),
      { numRuns: 3000 },
    );
  });
});

describe('queue message builders', () => {
  const buffers = fc.array(
    fc.record({
      id: fc.nat(0xffff),
      inLen: fc.nat(0xffff),
      out: fc.uint8Array({ maxLength: 20 }),
    }),
    { maxLength: 300 },
  );

  it('split any buffers into messages within the size, and lose and reorder none', () => {
    fc.assert(
      fc.property(buffers, fc.integer({ min: 64, max: 300 }), (all, maxSize) => {
        const builder = new VqAvailBuilder(3, 1, maxSize);
        const messages: Uint8Array[] = [];
        for (const { id, inLen, out } of all) {
          if (builder.add(id, inLen, out)) continue;
          messages.push(builder.take());
          expect(builder.add(id, inLen, out)).toBe(true);
        }
        messages.push(builder.take());
        expect(Math.max(...messages.map(({ length }) => length))).toBeLessThanOrEqual(maxSize);
        const decoded = messages.flatMap((packet) => availBuffers(decodeMessage(packet) as VqAvail));
        expect(decoded.map(({ id, inLen, out }) => [id, inLen, hex(out)])).toEqual(
          all.map(({ id, inLen, out }) => [id, inLen, hex(out)]),
        );
      }),
    );
  });

  it('respect a limit below the size', () => {
    const builder = new VqUsedBuilder(1, 1, 1024);
    const limit = QUEUE_MESSAGE_OVERHEAD + 20;
    expect(builder.add(1, new Uint8Array(16), limit)).toBe(true);
    expect(builder.add(2, new Uint8Array(16), limit)).toBe(false);
    expect(builder.add(2, new Uint8Array(16))).toBe(true);
    expect(builder.take()).toHaveLength(QUEUE_MESSAGE_OVERHEAD + 40);
  });

  it('never put more than 255 elements into one message', () => {
    const builder = new VqUsedBuilder(1, 1, 65_535);
    for (let id = 0; id < 255; id++) expect(builder.add(id, new Uint8Array(1))).toBe(true);
    expect(builder.add(255, new Uint8Array(1))).toBe(false);
  });
});
