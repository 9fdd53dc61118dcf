import { closeSync, openSync, readdirSync } from 'node:fs';
import { Random } from '../../../../firmware-sim/random.js';
import { SystemCallError } from '../../../../src/linux/errno.js';
import { EventFd } from '../../../../src/linux/event-fd.js';
import { createSharedMemory } from '../../../../src/linux/mapped-memory.js';
import { newBackendCounters } from '../../../../src/vhost-user/counters.js';
import { DeviceRecord } from '../../../../src/vhost-user/inflight/device-record.js';
import { Session } from '../../../../src/vhost-user/session.js';
import { ProtocolViolation } from '../../../../src/vhost-user/violation.js';
import {
  configPayload,
  inflightPayload,
  memoryTablePayload,
  REQUEST,
  u64Payload,
  vringAddressesPayload,
  vringDescriptorPayload,
  vringStatePayload,
} from '../../../../src/wire/vhost-user.js';
import { EchoDevice } from '../echo-device.js';
import { SharedGuestMemory } from '../guest-memory.js';

const REQUESTS = Object.values(REQUEST);
/** The event loop has its turn after so many: watches that were closed are let go of there. */
const TURN = 200;

export interface MessageFuzzResult {
  readonly cases: number;
  readonly violations: number;
  readonly started: number;
}

/** Throws where a message does anything but be done, refused, or end the session; or where a descriptor is lost. */
export async function fuzzMessages(cases: number, seed: number): Promise<MessageFuzzResult> {
  const fuzzer = new MessageFuzzer(seed);
  try {
    const before = openDescriptors();
    for (let i = 0; i < cases; i++) {
      fuzzer.next(i);
      if (i % TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    fuzzer.end();
    if (openDescriptors() !== before)
      throw new Error(`descriptors: ${before} before, ${openDescriptors()} after`);
    return { cases, violations: fuzzer.violations, started: fuzzer.started };
  } finally {
    fuzzer.close();
  }
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

class MessageFuzzer {
  violations = 0;
  started = 0;
  private readonly random: Random;
  private readonly memory = new SharedGuestMemory();
  private readonly short = createSharedMemory('short', 4096);
  private readonly scratch = createSharedMemory('scratch', 2 ** 20);
  private readonly device = new EchoDevice();
  private readonly record: DeviceRecord;
  private session: Session;

  constructor(seed: number) {
    this.random = new Random(seed);
    this.record = new DeviceRecord(undefined, {
      queueSizes: this.device.maxQueueSizes,
      keptLength: this.device.keptLength,
      bootId: new Uint8Array(16),
    });
    this.session = this.open();
  }

  next(i: number): void {
    const { random } = this;
    const request = random.below(30) === 0 ? random.below(50) : REQUESTS[random.below(REQUESTS.length)]!;
    const honest = this.payloadOf(request);
    const payload = this.mutate(honest);
    // Who says that other bytes of the file are memory may see them written.
    const file = payload === honest ? this.memory.fd : this.scratch;
    try {
      const outcome = this.session.handle(request, payload, this.descriptorsFor(request, file));
      if (typeof outcome === 'object') for (const fd of outcome.descriptors ?? []) closeSync(fd);
    } catch (thrown) {
      if (!(thrown instanceof ProtocolViolation) && !(thrown instanceof SystemCallError)) {
        throw new Error(`case ${i}: message ${request} threw`, { cause: thrown });
      }
      this.violations++;
      this.reopen();
    }
    if (this.device.held.size > 4) {
      const [id] = this.device.held.keys();
      this.device.release(id!, new Uint8Array(random.below(64)));
    }
    this.device.calls.length = 0;
    if (random.below(400) === 0) this.reopen();
    if (i % TURN === 0 && !this.memory.isIntact()) throw new Error(`case ${i}: written outside guest memory`);
  }

  end(): void {
    this.session.close();
  }

  close(): void {
    this.session.close();
    this.record.close();
    this.memory.close();
    closeSync(this.short);
    closeSync(this.scratch);
  }

  private open(): Session {
    return new Session({
      device: this.device,
      record: this.record,
      counters: newBackendCounters(),
      events: {
        driver: (features) => {
          if (features !== undefined) this.started++;
        },
        broken: () => undefined,
        unsealed: () => undefined,
      },
    });
  }

  /** Half of the time a front end has come as far as memory and queues before it goes mad. */
  private reopen(): void {
    this.session.close();
    this.session = this.open();
    if (this.random.below(2) === 0) return;
    const say = (request: number, payload: Uint8Array, fds: readonly number[] = []) =>
      this.session.handle(request, payload, fds);
    const features = this.random.below(2) === 0 ? 0x1_0000_0000n : 0x1_5000_0001n;
    say(REQUEST.SET_FEATURES, u64Payload(features));
    say(REQUEST.SET_MEM_TABLE, memoryTablePayload(this.memory.regions), this.memoryFiles(this.memory.fd));
    for (const index of [0, 1]) {
      say(REQUEST.SET_VRING_NUM, vringStatePayload({ index, value: 16 }));
      say(REQUEST.SET_VRING_ADDR, vringAddressesPayload(this.addresses(index, 0)));
      say(REQUEST.SET_VRING_KICK, vringDescriptorPayload({ index, hasDescriptor: true }), [this.eventFd()]);
    }
  }

  private payloadOf(request: number): Uint8Array {
    const { random } = this;
    const index = random.below(20) === 0 ? random.uint32() : random.below(2);
    switch (request) {
      case REQUEST.SET_FEATURES:
        return u64Payload([0n, 0x1_0000_0000n, 0x1_5000_0001n, 1n << 63n][random.below(4)]!);
      case REQUEST.SET_PROTOCOL_FEATURES:
        return u64Payload(BigInt(random.uint32()));
      case REQUEST.SET_MEM_TABLE:
        return memoryTablePayload(this.memory.regions);
      case REQUEST.SET_VRING_ADDR:
        return vringAddressesPayload(this.addresses(index));
      case REQUEST.SET_VRING_NUM:
        return vringStatePayload({ index, value: [16, 16, 256, 15, 0, 32_768, 65_536][random.below(7)]! });
      case REQUEST.SET_VRING_BASE:
        return vringStatePayload({
          index,
          value: random.below(4) === 0 ? random.uint32() : random.below(20),
        });
      case REQUEST.SET_VRING_KICK:
      case REQUEST.SET_VRING_CALL:
      case REQUEST.SET_VRING_ERR:
        return vringDescriptorPayload({ index, hasDescriptor: random.below(10) !== 0 });
      case REQUEST.GET_CONFIG:
      case REQUEST.SET_CONFIG:
        return configPayload(
          { offset: random.below(300), size: random.below(300), flags: 0 },
          new Uint8Array(0),
        );
      case REQUEST.GET_INFLIGHT_FD:
      case REQUEST.SET_INFLIGHT_FD:
        return inflightPayload({
          mmapSize: 4096n,
          mmapOffset: 0n,
          queueCount: random.below(4),
          queueSize: 16,
        });
      default:
        return vringStatePayload({ index, value: random.below(2) });
    }
  }

  /** One in `oneIn` is a little off; 0: none. */
  private addresses(index: number, oneIn = 30) {
    const base = 0x10_0000 + 0x1000 * (index % 2);
    const { random } = this;
    const at = (offset: number) => {
      const off = oneIn > 0 && random.below(oneIn) === 0 ? BigInt(random.below(9)) : 0n;
      return this.memory.userAddress(base + offset) + off;
    };
    return { index, descriptors: at(0), available: at(0x200), used: at(0x400) };
  }

  private mutate(payload: Uint8Array): Uint8Array {
    const { random } = this;
    switch (random.below(8)) {
      case 0: {
        const changed = Uint8Array.from(payload);
        if (changed.length > 0) changed[random.below(changed.length)] = random.uint32();
        return changed;
      }
      case 1:
        return payload.subarray(0, random.below(payload.length + 1));
      default:
        return payload;
    }
  }

  private descriptorsFor(request: number, memory: number): number[] {
    const { random } = this;
    if (random.below(12) === 0) return Array.from({ length: random.below(10) }, () => this.anyDescriptor());
    if (request === REQUEST.SET_MEM_TABLE) return this.memoryFiles(memory);
    if (request === REQUEST.SET_INFLIGHT_FD) return [this.copy(this.short)];
    const wants: readonly number[] = [REQUEST.SET_VRING_KICK, REQUEST.SET_VRING_CALL, REQUEST.SET_VRING_ERR];
    return wants.includes(request) ? [this.eventFd()] : [];
  }

  private memoryFiles(file: number): number[] {
    return this.memory.regions.map(() => this.copy(file));
  }

  private anyDescriptor(): number {
    switch (this.random.below(5)) {
      case 0:
        return this.copy(this.scratch);
      case 1:
        return this.copy(this.short);
      case 2:
        return openSync('/dev/null', 'r+');
      case 3:
        return openSync('/proc/self/status', 'r');
      default:
        return this.eventFd();
    }
  }

  private eventFd(): number {
    return EventFd.create().fd;
  }

  private copy(fd: number): number {
    return openSync(`/proc/self/fd/${fd}`, 'r+');
  }
}
