import { describe, expect, it } from 'vitest';
import type { EdgeItem, HostTime } from '../../src/driver/remote-gpio.js';
import { useRigs } from './driver-rig.js';

const rig = useRigs();

describe('a host that sleeps', () => {
  it('stamps what was sensed before, in and after the sleep as each was', async () => {
    const hub = rig({ coprocessor: { lines: 2 } });
    const remote = await hub.up();
    const stamped: HostTime[] = [];
    // Edges are mapped as they come, as the events room does.
    remote.interrupts$.subscribe((batch) => {
      for (const item of batch.items) {
        if (item.kind === 'edge') stamped.push(remote.deviceClock!.toHost((item as EdgeItem).deviceNs!)!);
      }
    });
    await remote.enableInterrupt(0, 'both');
    await hub.advance(9_000, 50);
    const beforeNs = hub.time.now;
    hub.coprocessor.drive(0, 1);
    await hub.advance(1_500, 50);
    const suspendNs = hub.time.now;
    hub.time.sleep(1_800_000);
    hub.coprocessor.drive(0, 0);
    hub.time.sleep(1_800_000);
    await hub.advance(1_500, 50);
    const afterNs = hub.time.now;
    hub.coprocessor.drive(0, 1);
    await hub.settle();
    expect(hub.bus.status.clock!.errorNs).toBeLessThan(10_000_000);
    expect(stamped).toHaveLength(3);
    const [before, asleep, after] = stamped as [HostTime, HostTime, HostTime];
    expect(asleep.uncertaintyNs).toBeGreaterThanOrEqual(3_600e9);
    expect(Math.abs(Number(asleep.monotonicNs - suspendNs))).toBeLessThan(1_100e6);
    expect(Number(asleep.boottimeNs! - suspendNs) / 1e9).toBeCloseTo(1_800, 0);
    expect(after.boottimeNs).toBeUndefined();
    expect(Math.abs(Number(after.monotonicNs - afterNs))).toBeLessThanOrEqual(after.uncertaintyNs);
    expect(before.boottimeNs).toBeUndefined();
    expect(Math.abs(Number(before.monotonicNs - beforeNs))).toBeLessThanOrEqual(before.uncertaintyNs);
  });
});
