import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeBus } from '../../src/wire/virtio-msg/bus.js';
import { BUS, TRANSPORT } from '../../src/wire/virtio-msg/header.js';
import { encodeVqUsed } from '../../src/wire/virtio-msg/queue.js';
import { encodeTransport } from '../../src/wire/virtio-msg/transport.js';
import { liveBytes } from '../support/live-bytes.js';
import { type DriverRig, useRigs } from './driver-rig.js';

const rig = useRigs();

/** Packets that look like the protocol's, and some that do not. */
const anyPacket = fc.oneof(
  fc.uint8Array({ maxLength: 80 }),
  fc
    .record({
      type: fc.integer({ min: 0, max: 3 }),
      id: fc.constantFrom(...Object.values(BUS), ...Object.values(TRANSPORT)),
      dev: fc.integer({ min: 0, max: 3 }),
      token: fc.integer({ min: 0, max: 0xffff }),
      body: fc.uint8Array({ maxLength: 64 }),
    })
    .map(({ type, id, dev, token, body }) => {
      const size = 8 + body.length;
      return Uint8Array.from([type, id, dev, 0, token & 255, token >> 8, size, 0, ...body]);
    }),
  fc
    .array(fc.record({ id: fc.integer({ min: 0, max: 40 }), in: fc.uint8Array({ maxLength: 20 }) }), {
      maxLength: 6,
    })
    .chain((buffers) =>
      fc
        .tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 }))
        .map(([dev, vq]) => encodeVqUsed(dev, vq, buffers)),
    ),
  fc
    .record({ devNum: fc.integer({ min: 0, max: 3 }), state: fc.integer({ min: 0, max: 3 }) })
    .map((event) => encodeBus({ type: 'event-device', ...event })),
  fc
    .record({ status: fc.constantFrom(0, 15, 79), generation: fc.integer({ min: 0, max: 3 }) })
    .map(({ status, generation }) =>
      encodeTransport({
        type: 'event-config',
        devNum: 1,
        token: 0,
        status,
        config: { generation, offset: 0, bytes: new Uint8Array(0) },
      }),
    ),
);

/** What the driver keeps is bounded whatever comes: it sends no more than a little for each packet. */
function sentFor(hub: DriverRig, packets: number): void {
  expect(hub.link.sent.length).toBeLessThan(200 + 120 * packets);
}

describe('a hostile coprocessor', () => {
  it('never makes the driver throw, hang or forget how to come up', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyPacket, { minLength: 1, maxLength: 40 }), async (packets) => {
        const hub = rig({ coprocessor: { lines: 4 }, limits: { request: 100 } });
        const remote = await hub.up();
        void remote.enableInterrupt(0, 'both').catch(() => {});
        for (const packet of packets) {
          void remote.getValue(1).catch(() => {});
          hub.link.inject(packet);
          await hub.settle(1);
        }
        sentFor(hub, packets.length);
        await hub.advance(3_000, 50);
        // Whatever was told of its devices, the next opening of the port finds them.
        if (hub.bus.status.state.kind !== 'up' || hub.bus.controllers.size === 0) await hub.up();
        expect(await hub.first.getValue(1)).toBe(0);
        await hub.close();
      }),
      { numRuns: 60 },
    );
  });

  it('that damages every packet of bring-up does not get past bounded waits', async () => {
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.tuple(fc.nat(200), fc.nat(255))), async (damage) => {
        const hub = rig({ coprocessor: { lines: 4, controllers: 2 }, limits: { request: 100, hello: 100 } });
        let on = true;
        hub.connect((link) => {
          link.losesReceived = (_message, packet) => {
            const [at, value] = damage.next().value as [number, number];
            if (on && at < packet.length) packet[at] = value;
            return false;
          };
        });
        await hub.advance(1_000, 50);
        on = false;
        sentFor(hub, hub.link.received.length);
        hub.breakChannel();
        await hub.advance(12_000, 100);
        expect(hub.bus.status.state.kind).toBe('up');
        await hub.close();
      }),
      { numRuns: 40 },
    );
  });

  it('a million packets later the memory is what it was', async () => {
    const hub = rig({ coprocessor: { lines: 4 } });
    await hub.up();
    const samples = fc.sample(anyPacket, 2_000).filter((packet) => packet[1] !== BUS.EVENT_DEVICE);
    const feed = async (rounds: number): Promise<void> => {
      for (let round = 0; round < rounds; round++) {
        hub.link.inject(...samples.map((packet) => packet.slice()));
        hub.link.sent.length = 0;
        hub.link.received.length = 0;
        hub.link.sizesSent.length = 0;
        hub.logs.length = 0;
        await hub.settle(1);
      }
    };
    await feed(30);
    const before = liveBytes();
    await feed(560);
    expect(liveBytes() - before).toBeLessThan(4e6);
  });

  it('that announces devices without end is listened to up to a bound', async () => {
    const hub = rig({ coprocessor: { lines: 4 }, limits: { request: 100 } });
    await hub.up();
    for (let devNum = 1; devNum < 60_000; devNum += 7) {
      hub.link.inject(encodeBus({ type: 'event-device', devNum, state: 1 }));
    }
    await hub.settle(5);
    expect(hub.link.sent.length).toBeLessThan(2_000);
    await hub.advance(1_000, 50);
    expect([...hub.bus.controllers.keys()]).toEqual([1]);
  });

  it('whose VQ_USED does not parse is reset, and comes back', async () => {
    const hub = rig({ coprocessor: { lines: 4 } });
    const remote = await hub.up();
    const broken = encodeVqUsed(1, 1, [{ id: 1, in: new Uint8Array(16) }]);
    broken[14] = 200;
    hub.link.inject(broken);
    await hub.settle();
    await hub.advance(20);
    expect(remote.state.kind).toBe('up');
    expect(hub.bus.status.counters.dropped_element_cut).toBe(1);
    expect(hub.logs.some((line) => line.includes('does not parse'))).toBe(true);
    // Again and again: with growing pauses.
    hub.link.sent.length = 0;
    for (let i = 0; i < 200; i++) {
      hub.link.inject(broken.slice());
      await hub.advance(5);
    }
    const resets = hub.link.sent.filter(
      (message) => message.type === 'set-status-request' && message.status === 0,
    );
    expect(resets.length).toBeLessThan(10);
  });

  it('that floods the driver with PINGs gets a bounded number of answers', async () => {
    const hub = rig();
    await hub.up();
    hub.link.sent.length = 0;
    const ping = encodeBus({ type: 'ping-request', token: 9, data: 1 });
    hub.link.inject(...Array.from({ length: 50_000 }, () => ping));
    await hub.settle();
    const answers = hub.link.sent.filter((message) => message.type === 'ping-response');
    expect(answers.length).toBeGreaterThan(0);
    expect(answers.length).toBeLessThanOrEqual(256);
  });
});
