import { describe, expect, it } from 'vitest';
import { TIMEOUTS } from '../../src/base/timeouts.js';
import type { AccountItem, EdgeItem, InterruptItem } from '../../src/driver/remote-gpio.js';
import { forEachAvail } from '../../src/wire/virtio-msg/queue.js';
import { type DriverRig, useRigs } from './driver-rig.js';

const rig = useRigs();
const STAMPED = { irq: true, stamp: true, queue: true };
const LATCHED = { irq: true, stamp: true, queue: false };
const BARE = { irq: true, stamp: false, queue: false };

const edges = (items: readonly InterruptItem[]): EdgeItem[] => items.filter((item) => item.kind === 'edge');
const accounts = (items: readonly InterruptItem[]): AccountItem[] =>
  items.filter((item) => item.kind === 'account');
const kinds = (items: readonly InterruptItem[]): string[] => items.map(({ kind }) => kind);

/** Applies levels to a pin, letting the driver see each. */
async function wiggle(hub: DriverRig, line: number, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    hub.coprocessor.drive(line, hub.coprocessor.pin(line).level === 0 ? 1 : 0);
    hub.time.advance(0.1);
    await hub.settle(2);
  }
}

describe('interrupts', () => {
  it('bring each edge with level, number and time of the device', async () => {
    const hub = rig({ coprocessor: { lines: 4, features: STAMPED } });
    const remote = await hub.up();
    const items = hub.items();
    await remote.enableInterrupt(1, 'both');
    await wiggle(hub, 1, 5);
    expect(items[0]).toEqual({ kind: 'enabled', line: 1, type: 'both' });
    expect(edges(items).map(({ seq, level }) => [seq, level])).toEqual([
      [1, 1],
      [2, 0],
      [3, 1],
      [4, 0],
      [5, 1],
    ]);
    const last = edges(items).at(-1)!;
    const mapped = remote.deviceClock!.toHost(last.deviceNs!)!;
    const trueNs = hub.time.now - 100_000n;
    expect(Math.abs(Number(mapped.monotonicNs - trueNs))).toBeLessThanOrEqual(mapped.uncertaintyNs);
  });

  it('deliver bursts beyond one buffer where the device queues, none lost', async () => {
    const hub = rig({ coprocessor: { lines: 4, features: STAMPED, eventDepth: 64, eventQueueSize: 256 } });
    const remote = await hub.up();
    const items = hub.items();
    await Promise.all([0, 1, 2, 3].map((line) => remote.enableInterrupt(line, 'both')));
    for (let i = 0; i < 100; i++)
      for (const line of [0, 1, 2, 3]) hub.coprocessor.drive(line, i % 2 === 0 ? 1 : 0);
    await hub.settle(20);
    const stats = hub.coprocessor.stats().total;
    const lost = accounts(items).length;
    expect(stats.sensed).toBe(400);
    expect(edges(items).length + stats.overflowed).toBe(400);
    if (stats.overflowed > 0) expect(lost).toBeGreaterThan(0);
  });

  it('that come fast share the messages that queue their buffers again, within rearm_delay', async () => {
    const hub = rig({ coprocessor: { lines: 2, features: STAMPED, eventDepth: 64, eventQueueSize: 256 } });
    const remote = await hub.up();
    const items = hub.items();
    await remote.enableInterrupt(0, 'both');
    hub.time.advance(1_000);
    await wiggle(hub, 0, 1);
    const rearmed = () => remote.counters.event_buffers_queued!;
    const first = rearmed();
    const messages = () => hub.link.sent.filter(({ type }) => type === 'vq-avail').length;
    const before = messages();
    await wiggle(hub, 0, 1);
    expect([rearmed(), messages()]).toEqual([first, before]);
    hub.time.advance(TIMEOUTS.rearm_delay.defaultMs);
    await hub.settle(2);
    expect([rearmed(), messages()]).toEqual([first + 1, before + 1]);
    await wiggle(hub, 0, 100);
    expect(edges(items)).toHaveLength(102);
    expect(messages() - before).toBeLessThan(60);
  });

  it('count what a latch loses, and the final account says the last of it', async () => {
    const hub = rig({ coprocessor: { lines: 2, features: LATCHED } });
    const remote = await hub.up();
    const items = hub.items();
    await remote.enableInterrupt(0, 'both');
    for (let i = 0; i < 10; i++) hub.coprocessor.drive(0, i % 2 === 0 ? 1 : 0);
    await hub.settle(5);
    await remote.disableInterrupt(0);
    const { sensed, delivered } = hub.coprocessor.stats().total;
    expect(sensed).toBe(10);
    expect(edges(items)).toHaveLength(delivered);
    expect(accounts(items).at(-1)).toMatchObject({ line: 0, seq: 10, level: 0 });
    expect(items.at(-1)).toEqual({ kind: 'disabled', line: 0, counted: true });
    // Counting starts anew.
    items.length = 0;
    await remote.enableInterrupt(0, 'both');
    await wiggle(hub, 0, 1);
    expect(edges(items).map(({ seq }) => seq)).toEqual([1]);
  });

  it('account for edges kept and thrown away when a line without buffers is disabled', async () => {
    const hub = rig({ coprocessor: { lines: 2, features: STAMPED, eventDepth: 4 } });
    const remote = await hub.up();
    const items = hub.items();
    await remote.enableInterrupt(0, 'both');
    remote.holdRearming(true);
    for (let i = 0; i < 20; i++) {
      hub.coprocessor.drive(0, i % 2 === 0 ? 1 : 0);
      await hub.settle(2);
    }
    const delivered = edges(items).length;
    expect(delivered).toBeLessThan(20);
    await remote.disableInterrupt(0);
    expect(edges(items)).toHaveLength(delivered);
    expect(accounts(items).at(-1)).toMatchObject({ seq: 20 });
    expect(items.at(-1)).toEqual({ kind: 'disabled', line: 0, counted: true });
  });

  it('hold back while asked to, and go on with nothing uncounted', async () => {
    const hub = rig({ coprocessor: { lines: 2, features: STAMPED, eventDepth: 8 } });
    const remote = await hub.up();
    const items = hub.items();
    await remote.enableInterrupt(0, 'rising');
    remote.holdRearming(true);
    await wiggle(hub, 0, 100);
    const before = edges(items).length;
    remote.holdRearming(false);
    await hub.settle(10);
    expect(edges(items).length).toBeGreaterThan(before);
    const counted = Math.max(edges(items).at(-1)!.seq!, accounts(items).at(-1)?.seq ?? 0);
    expect(counted).toBe(hub.coprocessor.stats().total.sensed);
  });

  it('of a device that does not count come without numbers, and the level is read after both edges', async () => {
    const hub = rig({ coprocessor: { lines: 2, features: BARE } });
    const remote = await hub.up();
    const items = hub.items();
    await remote.enableInterrupt(1, 'both');
    await wiggle(hub, 1, 3);
    expect(items.slice(1)).toEqual([
      { kind: 'edge', line: 1, level: null, seq: null, deviceNs: null },
      { kind: 'level', line: 1, level: 1 },
      { kind: 'edge', line: 1, level: null, seq: null, deviceNs: null },
      { kind: 'level', line: 1, level: 0 },
      { kind: 'edge', line: 1, level: null, seq: null, deviceNs: null },
      { kind: 'level', line: 1, level: 1 },
    ]);
    items.length = 0;
    await remote.disableInterrupt(1);
    expect(items).toEqual([{ kind: 'disabled', line: 1, counted: false }]);
  });

  it('tell of lines that a device that does not count was left without a buffer', async () => {
    const hub = rig({ coprocessor: { lines: 2, features: BARE } });
    const remote = await hub.up();
    const items = hub.items();
    await remote.enableInterrupt(0, 'rising');
    remote.holdRearming(true);
    await wiggle(hub, 0, 6);
    remote.holdRearming(false);
    expect(kinds(items)).toEqual(['enabled', 'edge', 'uncounted']);
    await hub.settle();
    expect(kinds(items)).toEqual(['enabled', 'edge', 'uncounted', 'edge']);
  });

  it('of a level that stays active come at a pace of ours', async () => {
    const hub = rig({ coprocessor: { lines: 2, features: LATCHED } });
    const remote = await hub.up();
    const items = hub.items();
    hub.coprocessor.drive(0, 1);
    await remote.enableInterrupt(0, 'level-high');
    await hub.settle(50);
    expect(edges(items)).toHaveLength(1);
    await hub.advance(35, 1);
    expect(edges(items).length).toBeGreaterThan(2);
    expect(edges(items).length).toBeLessThan(6);
  });

  it('give every line a buffer before any has a second, and keep one in reserve for the others', async () => {
    const hub = rig({ coprocessor: { lines: 8, features: STAMPED, eventDepth: 16, eventQueueSize: 20 } });
    const remote = await hub.up();
    const owned = new Map<number, number>();
    hub.link.losesSent = (message) => {
      if (message.type === 'vq-avail' && message.vq === 1) {
        forEachAvail(message, (_id, _inLen, at) => {
          const line = message.packet[at]!;
          owned.set(line, (owned.get(line) ?? 0) + 1);
        });
      }
      return false;
    };
    await remote.enableInterrupt(0, 'both');
    await hub.settle();
    expect([...owned]).toEqual([[0, 4]]);
    for (let line = 1; line < 8; line++) await remote.enableInterrupt(line, 'both');
    await hub.settle();
    expect([...owned.keys()].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    const counts = [...owned.values()];
    expect(counts.reduce((sum, count) => sum + count)).toBeLessThanOrEqual(20);
    expect(Math.max(...counts)).toBeLessThanOrEqual(4);
  });

  it('refuse a line more than there are buffers, by name', async () => {
    const hub = rig({ coprocessor: { lines: 4, features: LATCHED, eventQueueSize: 2 } });
    const remote = await hub.up();
    await remote.enableInterrupt(0, 'both');
    await remote.enableInterrupt(1, 'both');
    await expect(remote.enableInterrupt(2, 'both')).rejects.toMatchObject({ name: 'NOT_SUPPORTED' });
    await remote.disableInterrupt(0);
    await remote.enableInterrupt(2, 'both');
  });
});
