import { Subject } from 'rxjs';
import { SimulatedCoprocessor } from '../../firmware-sim/index.js';
import { timeouts } from '../../src/base/timeouts.js';
import { VirtioMsgBus } from '../../src/driver/virtio-msg/virtio-msg-bus.js';
import { type MemoryLink, memoryLinkPair } from '../../src/link/memory.js';
import type { PacketBatch, PacketLink } from '../../src/link/packet-link.js';
import { systemTime } from '../../src/linux/clock.js';
import { putStampedIrqResponse } from '../../src/wire/virtio-gpio.js';
import { decodeMessage } from '../../src/wire/virtio-msg/message.js';
import { forEachAvail, VqUsedBuilder } from '../../src/wire/virtio-msg/queue.js';

/**
 * What one edge costs the driver: a feeder returns each event buffer at once, prepared outside
 * the measured time, and the driver parses, hands on and re-arms. Prints nanoseconds an edge.
 */
class Feeder implements PacketLink {
  readonly state$;
  readonly packets$;
  readonly room$;
  readonly counters = {};
  readonly fed = new Subject<PacketBatch>();
  private readonly avail: Uint8Array[] = [];
  private feeding = false;

  constructor(private readonly inner: MemoryLink) {
    this.state$ = inner.state$;
    this.room$ = inner.room$;
    this.packets$ = new Subject<PacketBatch>();
    inner.packets$.subscribe((batch) => this.packets$.next(batch));
  }
  get name() {
    return 'feeder';
  }
  get state() {
    return this.inner.state;
  }
  get maxPacket() {
    return this.inner.maxPacket;
  }
  get packetHint() {
    return this.inner.maxPacket;
  }
  get room() {
    return 8;
  }
  send(packet: Uint8Array): Promise<void> {
    if (packet[1] === 0xc1 && packet[10] === 1) {
      this.avail.push(packet);
      return Promise.resolve();
    }
    return this.feeding ? Promise.resolve() : this.inner.send(packet);
  }
  close(): Promise<void> {
    return this.inner.close();
  }

  /** Answers all buffers there are; returns the edges and the nanoseconds the driver took. */
  async round(seqs: Uint32Array): Promise<[number, number]> {
    this.feeding = true;
    const packets: Uint8Array[] = [];
    let edges = 0;
    const builder = new VqUsedBuilder(1, 1, 1024);
    const scratch = new Uint8Array(16);
    for (const packet of this.avail.splice(0)) {
      const message = decodeMessage(packet);
      if (message.type !== 'vq-avail') continue;
      forEachAvail(message, (id, _inLen, at) => {
        const line = packet[at]! | (packet[at + 1]! << 8);
        const seq = ++seqs[line]!;
        putStampedIrqResponse(scratch, 0, 1, seq & 1, seq, BigInt(seq) * 1000n);
        edges++;
        if (builder.add(id, scratch)) return;
        packets.push(builder.take());
        builder.add(id, scratch);
      });
    }
    if (builder.count > 0) packets.push(builder.take());
    const began = process.hrtime.bigint();
    this.packets$.next({ arrivedNs: began, packets });
    await Promise.resolve();
    await Promise.resolve();
    const took = Number(process.hrtime.bigint() - began);
    return [edges, took];
  }
}

const lines = 16;
const coprocessor = new SimulatedCoprocessor({ lines: 32, eventDepth: Number(process.argv[2] ?? 64) });
const [ours, theirs] = memoryLinkPair({ clock: systemTime });
const feeder = new Feeder(ours);
coprocessor.attach(theirs);
const bus = new VirtioMsgBus({
  name: 'hub',
  time: systemTime,
  random: Math.random,
  timeouts: timeouts(),
  log: () => {},
  onRestart: 'restore',
});
bus.attach(feeder);
while (bus.status.state.kind !== 'up') await new Promise((r) => setImmediate(r));
const remote = bus.controllers.get(1)!;
let seen = 0;
remote.interrupts$.subscribe((batch) => {
  seen += batch.items.length;
});
for (let line = 0; line < lines; line++) await remote.enableInterrupt(line, 'both');
await new Promise((r) => setImmediate(r));
const seqs = new Uint32Array(32);
for (let turn = 0; turn < 5; turn++) {
  let edges = 0;
  let ns = 0;
  let rounds = 0;
  while (edges < 400_000) {
    const [n, took] = await feeder.round(seqs);
    if (n === 0) {
      console.log('stalled');
      process.exit(1);
    }
    edges += n;
    ns += took;
    rounds++;
  }
  console.log(`${(ns / edges).toFixed(0)} ns an edge, ${(edges / rounds).toFixed(0)} edges a read`);
}
const t0 = process.hrtime.bigint();
let h: unknown;
const clock = remote.deviceClock!;
for (let i = 0; i < 1_000_000; i++) h = clock.toHost(1_000_000_000n);
console.log(`${seen} items; toHost ${Number(process.hrtime.bigint() - t0) / 1e6} ns`, h !== undefined);
process.exit(0);
