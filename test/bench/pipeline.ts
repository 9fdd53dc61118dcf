import { Subject } from 'rxjs';
import { SimulatedCoprocessor } from '../../firmware-sim/index.js';
import { timeouts } from '../../src/base/timeouts.js';
import { VirtioMsgBus } from '../../src/driver/virtio-msg/virtio-msg-bus.js';
import { CoprocessorChip } from '../../src/gpio/coprocessor-chip.js';
import { type MemoryLink, memoryLinkPair } from '../../src/link/memory.js';
import type { PacketBatch, PacketLink } from '../../src/link/packet-link.js';
import { systemTime } from '../../src/linux/clock.js';
import { decodeStampedIrqResponse, putStampedIrqResponse } from '../../src/wire/virtio-gpio.js';
import { decodeMessage } from '../../src/wire/virtio-msg/message.js';
import { forEachAvail, forEachUsed, VqUsedBuilder } from '../../src/wire/virtio-msg/queue.js';

/** Returns each event buffer at once, prepared outside of the measured time. */
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

  /** Answers all buffers there are; the nanoseconds that the driver took, and a loop that takes the same apart. */
  async round(seqs: Uint32Array): Promise<{ edges: number; ns: number; plainNs: number }> {
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
    const plainNs = takeApart(packets);
    const began = process.hrtime.bigint();
    this.packets$.next({ arrivedNs: began, packets });
    await Promise.resolve();
    await Promise.resolve();
    return { edges, ns: Number(process.hrtime.bigint() - began), plainNs };
  }
}

function takeApart(packets: readonly Uint8Array[]): number {
  const began = process.hrtime.bigint();
  let sum = 0n;
  for (const packet of packets) {
    const message = decodeMessage(packet);
    if (message.type !== 'vq-used') continue;
    forEachUsed(message, (id, at) => {
      const { level, seq, timeNs } = decodeStampedIrqResponse(packet, at);
      sum += timeNs + BigInt(id + level + seq);
    });
  }
  const ns = Number(process.hrtime.bigint() - began);
  // Used, so that no compiler finds the loop useless.
  if (sum < 0n) throw new Error('times below 0');
  return ns;
}

const LINES = 16;
const ROUND_EDGES = 400_000;
const ROUNDS = 5;

/** Driver, events and chip alone: no port, no process, no client. Yardstick: the same messages merely taken apart. */
export async function pipeline(): Promise<void> {
  const coprocessor = new SimulatedCoprocessor({ lines: 32 });
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
  try {
    bus.attach(feeder);
    while (bus.status.state.kind !== 'up') await turn();
    const remote = bus.controllers.get(1)!;
    const chip = new CoprocessorChip({
      name: 'hub',
      remote,
      clock: systemTime,
      timers: systemTime,
      startingMs: 1_000,
    });
    const config = { direction: 'input', edges: 'both', activeLow: false, eventClock: 'monotonic' } as const;
    const offsets = Array.from({ length: LINES }, (_, offset) => offset);
    const request = await chip.requestLines({ consumer: 'bench', offsets, config });
    let seen = 0;
    request.events$.subscribe((events) => {
      seen += events.length;
    });
    await turn();
    await report(feeder, () => seen);
  } finally {
    bus.close();
    await coprocessor.close();
  }
}

async function report(feeder: Feeder, seen: () => number): Promise<void> {
  const seqs = new Uint32Array(32);
  let best = Number.POSITIVE_INFINITY;
  let bestPlain = Number.POSITIVE_INFINITY;
  let batch = 0;
  for (let i = 0; i < ROUNDS; i++) {
    let [edges, ns, plainNs, rounds] = [0, 0, 0, 0];
    while (edges < ROUND_EDGES) {
      const round = await feeder.round(seqs);
      if (round.edges === 0) throw new Error('the driver gave no buffer back');
      edges += round.edges;
      ns += round.ns;
      plainNs += round.plainNs;
      rounds++;
    }
    best = Math.min(best, ns / edges);
    bestPlain = Math.min(bestPlain, plainNs / edges);
    batch = edges / rounds;
  }
  console.log(
    `Pipeline: driver, events and chip alone, ${batch.toFixed(0)} edges a read, ${seen().toLocaleString('en')} events`,
  );
  console.log(
    `  ${best.toFixed(0)} ns an event; merely taking the messages apart ${bestPlain.toFixed(0)} ns; ratio ${(best / bestPlain).toFixed(1)}`,
  );
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
