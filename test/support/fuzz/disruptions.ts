import fc from 'fast-check';
import { encodeSerialFrame, type SerialFrame } from '../../../src/wire/serial-frame.js';
import type { HostileCoprocessor } from './hostile-coprocessor.js';
import { disruptivePacket } from './packets.js';

/** What ends a round of hostile packets: mostly something that makes the daemon begin anew. */
export type Disruption = (coprocessor: HostileCoprocessor) => Promise<void> | void;

const u3 = fc.integer({ min: 0, max: 7 });

/** Frames of the serial link with a right checksum and wrong numbers. */
const serialFrame: fc.Arbitrary<SerialFrame> = fc.oneof(
  fc.record({
    kind: fc.constant('data' as const),
    ns: u3,
    nr: u3,
    payload: fc.uint8Array({ maxLength: 80 }),
  }),
  fc.record({ kind: fc.constant('ack' as const), nr: u3, nak: fc.boolean() }),
  fc.record({ kind: fc.constant('plain' as const), payload: fc.uint8Array({ maxLength: 80 }) }),
  fc.record({
    kind: fc.constantFrom('rst' as const, 'rstack' as const),
    window: fc.integer({ min: 0, max: 9 }),
    maxPayload: fc.constantFrom(0, 64, 1_024, 65_535),
    session: fc.integer({ min: 0, max: 0xffff_ffff }),
  }),
);

const frameBytes = serialFrame.map((frame) => encodeSerialFrame(frame));
const damagedFrame = fc
  .tuple(frameBytes, fc.nat(), fc.integer({ min: 1, max: 255 }))
  .map(([bytes, at, value]) =>
    Uint8Array.from(bytes).fill(value, at % (bytes.length - 1), (at % (bytes.length - 1)) + 1),
  );
const noFrame = fc.uint8Array({ minLength: 1, maxLength: 3_000 });

const calm = fc.constant<Disruption>(() => {});
const packets = fc
  .array(disruptivePacket, { minLength: 5, maxLength: 20 })
  .map<Disruption>((several) => (evil) => evil.send(several));
const bytes = fc
  .array(fc.oneof(frameBytes, damagedFrame, noFrame), { minLength: 10, maxLength: 20 })
  .map<Disruption>((chunks) => async (evil) => {
    for (const chunk of chunks) await evil.sendRaw(chunk);
  });
/** One byte of each of the next packets of the real device is another: answers, events, whatever it is. */
const tampering = fc
  .array(fc.tuple(fc.nat({ max: 60 }), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 20 })
  .map<Disruption>((changes) => (evil) => evil.tamperWith(changes));
const reboot = fc.constant<Disruption>((evil) => evil.firmware.reboot());
const hangUp = fc.constant<Disruption>((evil) => evil.hangUp());
/** What it says of itself while it is brought up is wrong here and there. */
const tamperedReboot = fc.tuple(tampering, reboot).map<Disruption>(([tamper, begin]) => async (evil) => {
  await tamper(evil);
  await begin(evil);
});

/** Taken in turn: what makes the daemon begin anew is rare enough for it to get somewhere in between. */
export const DISRUPTIONS: readonly fc.Arbitrary<Disruption>[] = [
  ...[calm, packets, calm, bytes, calm, tampering, calm, hangUp, packets, calm],
  ...[packets, calm, bytes, calm, tampering, packets, calm, bytes, reboot, tamperedReboot],
];
