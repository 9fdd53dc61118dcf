import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { STATUS } from '../../../src/wire/virtio-gpio.js';
import { BUS_FEATURE, encodeBus } from '../../../src/wire/virtio-msg/bus.js';
import { BUS, TRANSPORT } from '../../../src/wire/virtio-msg/header.js';
import { decodeMessage } from '../../../src/wire/virtio-msg/message.js';
import { encodeLog, encodeVqAvail, encodeVqUsed } from '../../../src/wire/virtio-msg/queue.js';
import { encodeTransport } from '../../../src/wire/virtio-msg/transport.js';

/** Packets that a coprocessor has no business to send, and some that it may. */

const vectors = JSON.parse(
  readFileSync(new URL('../../vectors/virtio-msg.json', import.meta.url), 'utf8'),
) as Record<'valid' | 'invalid', { bytes: string }[]>;

const known = [...vectors.valid, ...vectors.invalid].map(({ bytes }) =>
  Uint8Array.from(Buffer.from(bytes, 'hex')),
);

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const u64 = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
/** Mostly of devices that are there. */
const devNum = fc.oneof({ arbitrary: fc.constantFrom(1, 2), weight: 6 }, { arbitrary: u16, weight: 1 });
const token = fc.oneof(fc.integer({ min: 1, max: 40 }), u16);
/** Buffers that a driver with a few lines may have outstanding, mostly. */
const bufferId = fc.oneof(
  { arbitrary: fc.integer({ min: 0, max: 80 }), weight: 8 },
  { arbitrary: u16, weight: 1 },
);

/** Changes a few bytes of a packet, cuts it or makes it longer. */
function mutated(packet: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const changes = fc.array(fc.tuple(fc.nat({ max: 127 }), u8), { maxLength: 5 });
  return fc.tuple(packet, changes, fc.integer({ min: -12, max: 6 })).map(([original, edits, by]) => {
    const bytes = new Uint8Array(Math.max(0, by > -6 && by < 3 ? original.length : original.length + by));
    bytes.set(original.subarray(0, bytes.length));
    for (const [at, value] of edits) if (at < bytes.length) bytes[at] = value;
    return bytes;
  });
}

/** A right header before anything. */
const framed = fc
  .record({
    type: fc.oneof(fc.integer({ min: 0, max: 3 }), u8),
    id: fc.oneof(fc.constantFrom(...Object.values(BUS), ...Object.values(TRANSPORT)), u8),
    devNum,
    token,
    body: fc.uint8Array({ maxLength: 64 }),
  })
  .map(({ type, id, devNum: dev, token: of, body }) => {
    const size = 8 + body.length;
    return Uint8Array.from([type, id, dev & 255, dev >> 8, of & 255, of >> 8, size, 0, ...body]);
  });

/** What eventq buffers come back with: status, level, seq, time; of any length. */
const eventBytes = fc.oneof(
  fc
    .tuple(fc.constantFrom(0, 1, 2), fc.constantFrom(0, 1, 255), fc.nat({ max: 400 }), u32)
    .map(([status, level, seq, time]) => {
      const bytes = Buffer.alloc(16);
      bytes.writeUInt8(status, 0);
      bytes.writeUInt8(level, 1);
      bytes.writeUInt32LE(seq, 4);
      bytes.writeUInt32LE(time, 8);
      return Uint8Array.from(bytes);
    }),
  fc.uint8Array({ maxLength: 20 }),
);

const used = fc
  .tuple(
    devNum,
    fc.oneof({ arbitrary: fc.constantFrom(0, 1), weight: 8 }, { arbitrary: u8, weight: 1 }),
    fc.array(fc.record({ id: bufferId, in: eventBytes }), { maxLength: 8 }),
  )
  .map(([dev, vq, buffers]) => encodeVqUsed(dev, vq, buffers));

const avail = fc
  .tuple(
    devNum,
    u8,
    fc.array(fc.record({ id: u16, inLen: u16, out: fc.uint8Array({ maxLength: 16 }) }), { maxLength: 4 }),
  )
  .map(([dev, vq, buffers]) => encodeVqAvail(dev, vq, buffers));

const config = fc.record({
  generation: fc.nat({ max: 3 }),
  offset: fc.constantFrom(0, 8, 16, 4_096),
  bytes: fc.uint8Array({ maxLength: 40 }),
});

const busMessage = fc.oneof(
  fc.record({ type: fc.constant('ping-request' as const), token, data: u32 }),
  fc.record({ type: fc.constant('ping-response' as const), token, data: u32 }),
  fc.record({ type: fc.constant('time-request' as const), token, t1: u64 }),
  fc.record({ type: fc.constant('time-response' as const), token, t1: u64, t2: u64, t3: u64 }),
  fc.record({
    type: fc.constant('hello-response' as const),
    token,
    revision: fc.nat({ max: 3 }),
    maxMsgSize: u16,
    busFeatures: fc.constantFrom(0, BUS_FEATURE.TIME, 0xffff_ffff),
    bootId: u32,
    resumed: fc.nat({ max: 2 }),
    ident: fc.string({ maxLength: 32 }),
  }),
  fc
    .record({ token, offset: u16, count: fc.nat({ max: 300 }), nextOffset: u16 })
    .map((answer) => ({ type: 'get-devices-response' as const, ...answer, devices: [answer.offset] })),
);

const noConfig = { generation: 0, offset: 0, bytes: new Uint8Array(0) };

const transportMessage = fc.oneof(
  fc.record({ type: fc.constant('config-response' as const), devNum, token, config }),
  fc
    .record({
      type: fc.constant('event-config' as const),
      devNum,
      status: fc.constantFrom(0, 1, 15, 128),
      config,
    })
    .map((event) => ({ ...event, token: 0 })),
);

const log = fc
  .tuple(u8, fc.string({ unit: 'binary', maxLength: 60 }))
  .map(([level, text]) => encodeLog(level, text));

const anything = fc.oneof(
  { arbitrary: fc.uint8Array({ maxLength: 96 }), weight: 3 },
  { arbitrary: mutated(fc.constantFrom(...known)), weight: 5 },
  { arbitrary: framed, weight: 4 },
  { arbitrary: used, weight: 8 },
  { arbitrary: mutated(used), weight: 1 },
  { arbitrary: avail, weight: 1 },
  { arbitrary: busMessage.map(encodeBus), weight: 4 },
  { arbitrary: transportMessage.map(encodeTransport), weight: 3 },
  { arbitrary: log, weight: 1 },
);

/** Bytes without sense, messages that nearly make sense, and ones at the wrong time. */
export const hostilePacket: fc.Arbitrary<Uint8Array> = anything.filter((packet) => !disrupts(packet));

/** What makes a driver begin anew: of its own, or it would never get far enough for anything else. */
export const disruptivePacket: fc.Arbitrary<Uint8Array> = fc.oneof(
  u32.map((bootId) => encodeBus({ type: 'boot', bootId })),
  fc
    .record({ devNum, state: fc.nat({ max: 3 }) })
    .map((event) => encodeBus({ type: 'event-device', ...event })),
  fc
    .record({ devNum, status: fc.constantFrom(64, 79, 255) })
    .map((event) => encodeTransport({ type: 'event-config', token: 0, ...event, config: noConfig })),
  mutated(used).filter(disrupts),
);

/** Whether a driver takes it as a reason to set a device or the whole bus up again. */
function disrupts(packet: Uint8Array): boolean {
  const message = decodeMessage(packet);
  switch (message.type) {
    case 'boot':
    case 'event-device':
      return true;
    case 'event-config':
      return (message.status & STATUS.NEEDS_RESET) !== 0;
    case 'dropped':
      return message.reason === 'element-cut' && message.header?.id === BUS.VQ_USED;
    default:
      return false;
  }
}
