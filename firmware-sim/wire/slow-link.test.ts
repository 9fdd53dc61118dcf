import { describe, expect, it } from 'vitest';
import { memoryLinkPair } from '../../src/link/memory.js';
import { systemTime } from '../../src/linux/clock.js';
import { HandTime } from '../../test/conformance/hand-time.js';
import { packetLinkContract } from '../../test/contract/packet-link.js';
import { parseFault, type WireFault } from '../fault.js';
import { MessageFaultState, newMessageFaultCounters } from '../messages/fault-state.js';
import { withMessageFaults } from '../messages/faulty-messages.js';
import { speechOf } from '../messages/speech.js';
import { Random } from '../random.js';
import { newWireFaultCounters, WireFaultState } from './fault-state.js';
import { withDelays } from './slow-link.js';

packetLinkContract('a message channel on which nothing goes wrong', () => {
  const [driver, device] = memoryLinkPair({ clock: systemTime });
  const delayed = withDelays(device, {
    faults: new WireFaultState(),
    counters: newWireFaultCounters(),
    time: systemTime,
  });
  const faulty = withMessageFaults(delayed, {
    faults: new MessageFaultState(),
    counters: newMessageFaultCounters(),
    speech: speechOf('srtm')!,
    random: new Random(1),
    time: systemTime,
  });
  return { driver, device: faulty };
});

function rig(...specs: string[]) {
  const time = new HandTime();
  const faults = new WireFaultState();
  const counters = newWireFaultCounters();
  const set = (spec: string) => faults.set(parseFault(spec) as WireFault, Number(time.now));
  for (const spec of specs) set(spec);
  const [host, inner] = memoryLinkPair({ clock: time });
  const device = withDelays(inner, { faults, counters, time });
  const came: string[] = [];
  const note = (where: string) => (batch: { packets: readonly Uint8Array[] }) => {
    for (const packet of batch.packets) came.push(`${Number(time.now) / 1e6} ${where} ${packet.join('')}`);
  };
  device.packets$.subscribe(note('device'));
  host.packets$.subscribe(note('host'));
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return { time, faults, counters, set, host, device, came, settle };
}

describe('a message channel that is slow', () => {
  it('brings every message later, both ways, in order', async () => {
    const { time, host, device, came, settle, counters } = rig('delay:20ms');
    for (const n of [1, 2]) await host.send(Uint8Array.of(n));
    await device.send(Uint8Array.of(3));
    await settle();
    time.advance(19);
    await settle();
    expect(came).toEqual([]);
    time.advance(1);
    await settle();
    expect(came.toSorted()).toEqual(['20 device 1', '20 device 2', '20 host 3']);
    expect(counters.bytes_delayed).toBe(3);
  });

  it('brings nothing while it is stalled, and then all of it', async () => {
    const { time, host, came, settle } = rig('stall:100ms:30ms');
    time.advance(110);
    await host.send(Uint8Array.of(1));
    await settle();
    time.advance(10);
    await host.send(Uint8Array.of(2));
    await settle();
    expect(came).toEqual([]);
    time.advance(10);
    await settle();
    expect(came).toEqual(['130 device 1', '130 device 2']);
  });

  it('keeps the order when it is slow no more', async () => {
    const { time, host, device, faults, came, settle } = rig('delay:20ms');
    await host.send(Uint8Array.of(1));
    await device.send(Uint8Array.of(3));
    await settle();
    faults.clear();
    await host.send(Uint8Array.of(2));
    await device.send(Uint8Array.of(4));
    await settle();
    expect(came).toEqual([]);
    time.advance(20);
    await settle();
    expect(came.toSorted()).toEqual(['20 device 1', '20 device 2', '20 host 3', '20 host 4']);
  });

  it('loses what was on its way when it ends', async () => {
    const { time, host, device, came, settle } = rig('delay:20ms');
    await device.send(Uint8Array.of(1));
    await host.close();
    await expect(device.send(Uint8Array.of(2))).rejects.toMatchObject({ name: 'LINK_DOWN' });
    time.advance(50);
    await settle();
    expect(came).toEqual([]);
  });
});
