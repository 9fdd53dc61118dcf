import { openSync } from 'node:fs';
import { Random } from '../../../../firmware-sim/random.js';
import { newBackendCounters } from '../../../../src/vhost-user/counters.js';
import { InflightQueue, inflightLength } from '../../../../src/vhost-user/inflight/inflight-queue.js';
import { GuestMemory } from '../../../../src/vhost-user/memory/guest-memory.js';
import { SplitRing } from '../../../../src/vhost-user/ring/split-ring.js';
import { Vring } from '../../../../src/vhost-user/vring.js';
import { SharedGuestMemory } from '../guest-memory.js';
import { meaningOf } from './reference-walk.js';

const SIZE = 16;
const TABLE = 0x10_0000;
const AVAILABLE = 0x10_0200;
const USED = 0x10_0400;
/** Where most indirect tables are. */
const INDIRECT_TABLES = 0x11_0000;
const CHECK_EVERY = 128;

/** Addresses that are worth a try: in the middle of regions, at their ends, where two adjoin, and nowhere. */
const ADDRESSES: readonly bigint[] = [
  0n,
  0xf_ffffn,
  0x10_0000n,
  0x10_0200n,
  0x10_0400n,
  0x11_0000n,
  0x12_0000n,
  0x13_fff0n,
  0x13_ffffn,
  0x14_0000n,
  0x17_ffffn,
  0x18_0000n,
  0x1_0000_0000n,
  0x1_0001_ffffn,
  0x1_0002_0000n,
  2n ** 53n - 1n,
  2n ** 63n,
  2n ** 64n - 8n,
  2n ** 64n - 1n,
];
const LENGTHS = [
  0, 1, 2, 15, 16, 17, 64, 496, 4096, 65_535, 65_536, 0x4_0000, 0x8_0000, 0x8000_0000, 0xffff_ffff,
];

export interface RingFuzzResult {
  readonly cases: number;
  readonly buffers: number;
  readonly broken: number;
}

/** Throws where the ring does anything but what the specification says, or touches what is not the guest's. */
export function fuzzRings(cases: number, seed: number): RingFuzzResult {
  const fuzzer = new RingFuzzer(seed);
  try {
    for (let i = 0; i < cases; i++) fuzzer.next(i);
    fuzzer.mustBeIntact();
    return { cases, buffers: fuzzer.buffers, broken: fuzzer.broken };
  } finally {
    fuzzer.close();
  }
}

class RingFuzzer {
  buffers = 0;
  broken = 0;
  private readonly random: Random;
  private readonly shared = new SharedGuestMemory();
  private readonly memory: GuestMemory;
  private readonly vring: Vring;
  /** Of the case at hand: what came first, and how it ended. */
  private offered: { head: number; readable: Uint8Array; writable: number } | undefined;
  private reason: string | undefined;
  private taken = 0;
  private readonly held: number[] = [];

  constructor(seed: number) {
    this.random = new Random(seed);
    const fds = this.shared.regions.map(() => openSync(`/proc/self/fd/${this.shared.fd}`, 'r+'));
    this.memory = new GuestMemory(this.shared.regions, fds);
    this.vring = new Vring(
      0,
      {
        available: (_index, head, writable, bytes, length) => this.available(head, writable, bytes, length),
        broken: (_index, reason) => {
          this.reason = reason;
        },
      },
      newBackendCounters(),
    );
    this.start();
  }

  next(i: number): void {
    if (this.reason !== undefined || this.random.below(64) === 0) this.start();
    this.forge();
    const head = this.offerOne();
    const isHeld = this.held.includes(head);
    const meaning = head < SIZE && !isHeld ? meaningOf(this.shared, TABLE, SIZE, head) : undefined;
    this.offered = undefined;
    this.vring.enable();
    const got = this.offered as { head: number; readable: Uint8Array; writable: number } | undefined;
    const how = `case ${i}, head ${head}`;
    if (meaning === undefined) {
      if (this.reason === undefined) throw new Error(`${how}: a broken chain was taken`);
      if (got !== undefined) throw new Error(`${how}: a broken chain reached the device`);
      this.broken++;
    } else {
      if (got === undefined) throw new Error(`${how}: a good chain was refused: ${this.reason}`);
      const same =
        got.head === head &&
        got.writable === meaning.writable &&
        Buffer.from(got.readable).equals(meaning.readable);
      if (!same) throw new Error(`${how}: another buffer than the guest's reached the device`);
    }
    if (i % CHECK_EVERY === 0) this.mustBeIntact();
  }

  mustBeIntact(): void {
    if (!this.shared.isIntact()) throw new Error('something outside guest memory was written');
  }

  close(): void {
    this.vring.close();
    this.memory.close();
    this.shared.close();
  }

  private start(): void {
    this.vring.stop();
    this.shared.at(TABLE, 0x1000).fill(0);
    this.vring.size = SIZE;
    this.vring.addresses = {
      index: 0,
      descriptors: this.shared.userAddress(TABLE),
      available: this.shared.userAddress(AVAILABLE),
      used: this.shared.userAddress(USED),
    };
    this.reason = undefined;
    this.taken = 0;
    this.held.length = 0;
    const inflight = new InflightQueue(new ArrayBuffer(inflightLength(SIZE)), 0, SIZE);
    const ring = new SplitRing(this.memory, this.vring.addresses, SIZE);
    this.vring.start(ring, this.memory, inflight, 0, true);
  }

  /** The guest writes a chain, of which anything may be wrong, or just anything anywhere. */
  private forge(): void {
    const { random } = this;
    const count = 1 + random.below(4);
    for (let i = 0; i < count; i++) this.putDescriptor(TABLE + 16 * random.below(SIZE), SIZE);
    if (random.below(3) === 0) {
      const tableSize = 1 + random.below(20);
      for (let i = 0; i < tableSize; i++) this.putDescriptor(INDIRECT_TABLES + 16 * i, tableSize);
      const at = TABLE + 16 * random.below(SIZE);
      this.putAt(at, BigInt(INDIRECT_TABLES), 16 * tableSize, random.below(16) === 0 ? 7 : 4, 0);
    }
    if (random.below(8) === 0) {
      const at = TABLE + random.below(0x200);
      this.shared.at(at, 1)[0] = random.uint32();
    }
  }

  private putDescriptor(at: number, size: number): void {
    const { random } = this;
    const address = ADDRESSES[random.below(ADDRESSES.length)]! + BigInt(random.below(3));
    const length = random.below(4) === 0 ? LENGTHS[random.below(LENGTHS.length)]! : random.below(600);
    const usual = random.below(2) === 0 ? 0 : 2;
    const flags = random.below(20) === 0 ? random.below(0x1_0000) : usual | random.below(2);
    const inside = random.below(8) !== 0;
    const place = random.below(2) === 0 ? 0x12_0000n + BigInt(random.below(0x2_0000)) : address;
    this.putAt(at, inside ? place : address, length, flags, random.below(size + 1));
  }

  private putAt(at: number, address: bigint, length: number, flags: number, next: number): void {
    const view = this.shared.view(at, 16);
    view.setBigUint64(0, BigInt.asUintN(64, address), true);
    view.setUint32(8, length, true);
    view.setUint16(12, flags, true);
    view.setUint16(14, next, true);
  }

  /** Makes one head available, now and then one that is not there, or held. */
  private offerOne(): number {
    const { random } = this;
    const head = random.below(50) === 0 ? random.below(0x1_0000) : random.below(SIZE);
    const view = this.shared.view(AVAILABLE, 4 + 2 * SIZE);
    view.setUint16(4 + 2 * (this.taken % SIZE), head, true);
    view.setUint16(2, (this.taken + 1) & 0xffff, true);
    return head;
  }

  private available(head: number, writable: number, bytes: Uint8Array, length: number): void {
    this.taken = (this.taken + 1) & 0xffff;
    this.buffers++;
    this.offered ??= { head, readable: bytes.slice(0, length), writable };
    const { random } = this;
    if (random.below(8) === 0) this.held.push(head);
    else this.giveBack(head, writable);
    if (this.held.length > 3) this.giveBack(this.held.shift()!, 600);
    if (random.below(200) === 0) this.vring.returnBuffer(random.below(0x1_0000), new Uint8Array(8));
  }

  private giveBack(head: number, writable: number): void {
    const length = Math.min(writable, this.random.below(700));
    this.vring.returnBuffer(head, new Uint8Array(length).fill(this.random.below(256)));
  }
}
