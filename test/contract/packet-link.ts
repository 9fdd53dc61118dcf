import { firstValueFrom } from 'rxjs';
import { filter, timeout } from 'rxjs/operators';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LinkState, PacketBatch, PacketLink } from '../../src/link/packet-link.js';
import { STEP_MS } from '../support/limits.js';

/** Two ends of one channel, and how to do away with what lies under them. */
export interface LinkPair {
  readonly driver: PacketLink;
  readonly device: PacketLink;
  /** Runs after both links were closed. */
  cleanUp?(): Promise<void> | void;
}

/** Registers the tests that every pair of packet links must pass. */
export function packetLinkContract(name: string, makePair: () => Promise<LinkPair> | LinkPair): void {
  describe(`packet link: ${name}`, () => {
    let pair: LinkPair;

    beforeEach(async () => {
      pair = await makePair();
    });

    afterEach(async () => {
      await pair.driver.close();
      await pair.device.close();
      await pair.cleanUp?.();
    });

    const bothUp = () => Promise.all([isUp(pair.driver), isUp(pair.device)]);

    it('comes up on both ends, as channel 1 or later', async () => {
      const [driver, device] = await bothUp();
      for (const state of [driver, device]) expect(state).toMatchObject({ kind: 'up', delivery: 'reliable' });
      expect(driver.channel).toBeGreaterThanOrEqual(1);
      expect(pair.driver.maxPacket).toBe(pair.device.maxPacket);
      expect(pair.driver.packetHint).toBeLessThanOrEqual(pair.driver.maxPacket);
      expect(pair.driver.room).toBeGreaterThan(0);
    });

    it('carries packets of every size both ways, whole and in order', async () => {
      await bothUp();
      const most = pair.driver.maxPacket;
      const sizes = [0, 1, 2, 63, 64, 253, 254, 255, 256, 508, 509, most - 1, most].filter((n) => n <= most);
      const packets = sizes.flatMap((size, i) => [patterned(size, i), new Uint8Array(size).fill(0x5a)]);
      for (const [from, to] of ends(pair)) {
        const received = collect(to, packets.length);
        await Promise.all(packets.map((packet) => from.send(packet)));
        expect((await received).map(hex)).toEqual(packets.map(hex));
      }
    });

    it('keeps the order of many packets sent at once in both directions', async () => {
      await bothUp();
      const count = 500;
      const all = ends(pair).map(async ([from, to]) => {
        const received = collect(to, count);
        await sendAll(from, count);
        expect((await received).map((packet) => Buffer.from(packet).readUInt32LE(0))).toEqual(
          Array.from({ length: count }, (_, i) => i),
        );
      });
      await Promise.all(all);
    });

    it('stamps batches with a time that does not go back', async () => {
      await bothUp();
      const stamps: bigint[] = [];
      pair.device.packets$.subscribe(({ arrivedNs }) => stamps.push(arrivedNs));
      const received = collect(pair.device, 50);
      await sendAll(pair.driver, 50);
      await received;
      expect(stamps).toEqual([...stamps].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
      expect(stamps[0]).toBeGreaterThan(0n);
    });

    it('refuses a packet above maxPacket, and sends the next', async () => {
      await bothUp();
      const tooLong = new Uint8Array(pair.driver.maxPacket + 1);
      await expect(pair.driver.send(tooLong)).rejects.toMatchObject({ name: 'INVALID_ARGUMENT' });
      const received = collect(pair.device, 1);
      await pair.driver.send(Uint8Array.of(7));
      expect([...(await received)[0]!]).toEqual([7]);
    });

    it('rejects with QUEUE_FULL instead of queueing without bound, and loses nothing that it took', async () => {
      await bothUp();
      const taken: number[] = [];
      const outcomes: Promise<void>[] = [];
      let refused = 0;
      const got: number[] = [];
      pair.device.packets$.subscribe(({ packets }) => {
        for (const packet of packets) got.push(Buffer.from(packet).readUInt32LE(0));
      });
      for (let i = 0; i < 5_000; i++) {
        outcomes.push(
          pair.driver.send(numbered(i)).then(
            () => void taken.push(i),
            (error) => {
              expect(error).toMatchObject({ name: 'QUEUE_FULL' });
              refused++;
            },
          ),
        );
      }
      await Promise.all(outcomes);
      expect(refused).toBeGreaterThan(0);
      await until(() => got.length >= taken.length);
      expect(got).toEqual(taken);
    });

    it('says when there is room again', async () => {
      await bothUp();
      const received = collect(pair.device, 1);
      while (pair.driver.room > 0) void pair.driver.send(numbered(0)).catch(() => undefined);
      const room = firstValueFrom(pair.driver.room$.pipe(timeout(STEP_MS)));
      await received;
      await room;
      expect(pair.driver.room).toBeGreaterThan(0);
    });

    it('goes down for good when closed, and the other end notices or waits for a new driver', async () => {
      await bothUp();
      const states: LinkState[] = [];
      let completed = false;
      pair.driver.state$.subscribe({
        next: (state) => states.push(state),
        complete: () => (completed = true),
      });
      await pair.driver.close();
      await pair.driver.close();
      expect(states.at(-1)).toMatchObject({ kind: 'down', cause: 'closed' });
      expect(completed).toBe(true);
      expect(pair.driver.room).toBe(0);
      await expect(pair.driver.send(Uint8Array.of(1))).rejects.toMatchObject({ name: 'LINK_DOWN' });
    });

    it('rejects what waits when it is closed', async () => {
      await bothUp();
      const sends = Array.from({ length: 200 }, (_, i) => pair.driver.send(numbered(i)));
      const outcomes = Promise.allSettled(sends);
      await pair.driver.close();
      for (const outcome of await outcomes) {
        if (outcome.status === 'rejected') {
          expect(['LINK_DOWN', 'QUEUE_FULL']).toContain((outcome.reason as Error).name);
        }
      }
    });

    it('counts what it carries', async () => {
      await bothUp();
      const before = total(pair.driver);
      const received = collect(pair.device, 10);
      await sendAll(pair.driver, 10);
      await received;
      expect(total(pair.driver)).toBeGreaterThan(before);
    });
  });
}

function ends(pair: LinkPair): [PacketLink, PacketLink][] {
  return [
    [pair.driver, pair.device],
    [pair.device, pair.driver],
  ];
}

/** Resolves with the state when the link is up; rejects when it goes down or takes too long. */
export async function isUp(link: PacketLink): Promise<Extract<LinkState, { kind: 'up' }>> {
  const state = await firstValueFrom(
    link.state$.pipe(
      filter(({ kind }) => kind !== 'opening'),
      timeout(STEP_MS),
    ),
  );
  if (state.kind !== 'up') throw new Error(`${link.name} is ${JSON.stringify(state)}`);
  return state;
}

/** The next `count` packets of a link. */
export function collect(link: PacketLink, count: number): Promise<Uint8Array[]> {
  return new Promise((resolve, reject) => {
    const packets: Uint8Array[] = [];
    const limit = setTimeout(() => {
      subscription.unsubscribe();
      reject(new Error(`${link.name}: ${packets.length} of ${count} packets within ${STEP_MS} ms`));
    }, STEP_MS);
    const subscription = link.packets$.subscribe((batch: PacketBatch) => {
      packets.push(...batch.packets);
      if (packets.length < count) return;
      clearTimeout(limit);
      subscription.unsubscribe();
      resolve(packets);
    });
  });
}

/** Sends `count` numbered packets as fast as the link takes them. */
export async function sendAll(link: PacketLink, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await link.send(numbered(i));
}

/** Waits for a condition. */
export async function until(condition: () => boolean, limitMs = STEP_MS): Promise<void> {
  const end = Date.now() + limitMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not within ${limitMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export function numbered(i: number): Uint8Array {
  const packet = Buffer.alloc(4 + (i % 40));
  packet.writeUInt32LE(i, 0);
  return packet;
}

function patterned(size: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => ((i * 31 + seed * 7) % 11 === 0 ? 0 : i + seed));
}

function hex(packet: Uint8Array): string {
  return Buffer.from(packet).toString('hex');
}

function total(link: PacketLink): number {
  return Object.values(link.counters).reduce((sum, count) => sum + count, 0);
}
