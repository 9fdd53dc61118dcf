import { closeSync } from 'node:fs';
import { DescriptorSocket } from '../../../src/linux/descriptor-socket.js';
import { ReadableWatch } from '../../../src/linux/readable-watch.js';
import { connectUnix } from '../../../src/linux/unix-listener.js';
import { u32, u64 } from '../../../src/wire/bytes.js';
import {
  HEADER_LENGTH,
  memoryTablePayload,
  REQUEST,
  u64Payload,
  vringAddressesPayload,
  vringDescriptorPayload,
  vringStatePayload,
  writeMessage,
} from '../../../src/wire/vhost-user.js';
import { STEP_MS } from '../limits.js';
import type { DriverQueue } from './driver-queue.js';
import type { SharedGuestMemory } from './guest-memory.js';

export const VERSION_1 = 1n << 32n;
export const INDIRECT_DESC = 1n << 28n;
export const PROTOCOL_FEATURES = 1n << 30n;
/** MQ, REPLY_ACK and CONFIG. */
export const QEMU_PROTOCOL_FEATURES = 0x209n;

export interface Answer {
  readonly payload: Uint8Array;
  readonly descriptors: readonly number[];
}

/** The hypervisor's side of vhost-user, by hand: sends what a test wants, in the order that QEMU has. */
export class FrontEnd {
  private readonly socket: DescriptorSocket;
  private readonly watch: ReadableWatch;
  private readonly inbox = new Uint8Array(64 * 1024);
  private filled = 0;
  private descriptors: number[] = [];
  private waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void }[] = [];
  private hungUp = false;
  private open = true;

  constructor(path: string) {
    this.socket = new DescriptorSocket(connectUnix(path), 64 * 1024);
    this.watch = new ReadableWatch(this.socket.fd, () => this.readable());
  }

  /** Whether the back end ended the connection. */
  get isHungUp(): boolean {
    return this.hungUp;
  }

  /** Sends a message that is not answered. */
  tell(request: number, payload: Uint8Array = new Uint8Array(0), descriptors: readonly number[] = []): void {
    this.raw(writeMessage(request, payload), descriptors);
  }

  /** Sends a message that has an answer of its own. */
  ask(
    request: number,
    payload: Uint8Array = new Uint8Array(0),
    descriptors: readonly number[] = [],
  ): Promise<Answer> {
    this.tell(request, payload, descriptors);
    return this.answer();
  }

  /** Sends a message and wants it acknowledged; resolves with 0 for success. */
  async confirm(
    request: number,
    payload: Uint8Array = new Uint8Array(0),
    descriptors: readonly number[] = [],
  ): Promise<bigint> {
    this.raw(writeMessage(request, payload, { needReply: true }), descriptors);
    return u64((await this.answer()).payload, 0);
  }

  /** Sends bytes as they are. */
  raw(bytes: Uint8Array, descriptors: readonly number[] = []): void {
    this.socket.send(bytes, descriptors);
  }

  answer(): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => reject(new Error('the back end does not answer')), STEP_MS);
      const done = () => clearTimeout(limit);
      this.waiting.push({
        resolve: (answer) => {
          done();
          resolve(answer);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      });
    });
  }

  /** What QEMU says when it connects. */
  async negotiate(features: bigint, protocolFeatures = QEMU_PROTOCOL_FEATURES): Promise<void> {
    await this.ask(REQUEST.GET_FEATURES);
    await this.ask(REQUEST.GET_PROTOCOL_FEATURES);
    this.tell(REQUEST.SET_PROTOCOL_FEATURES, u64Payload(protocolFeatures));
    this.tell(REQUEST.SET_OWNER);
    this.tell(REQUEST.SET_FEATURES, u64Payload(features | PROTOCOL_FEATURES));
  }

  setMemory(memory: SharedGuestMemory): Promise<bigint> {
    const fds = memory.regions.map(() => memory.fd);
    return this.confirm(REQUEST.SET_MEM_TABLE, memoryTablePayload(memory.regions), fds);
  }

  /** What QEMU says of each queue when the guest's driver is ready. */
  async startQueues(queues: readonly DriverQueue[], bases: readonly number[] = []): Promise<void> {
    for (const [i, queue] of queues.entries()) {
      const { index, size } = queue;
      this.tell(REQUEST.SET_VRING_NUM, vringStatePayload({ index, value: size }));
      this.tell(REQUEST.SET_VRING_BASE, vringStatePayload({ index, value: bases[i] ?? 0 }));
      this.tell(REQUEST.SET_VRING_ADDR, vringAddressesPayload(queue.addresses));
      const payload = vringDescriptorPayload({ index, hasDescriptor: true });
      this.tell(REQUEST.SET_VRING_ERR, payload, [queue.error.fd]);
      this.tell(REQUEST.SET_VRING_KICK, payload, [queue.kick.fd]);
      this.tell(REQUEST.SET_VRING_CALL, payload, [queue.call.fd]);
    }
    for (const { index } of queues) {
      await this.confirm(REQUEST.SET_VRING_ENABLE, vringStatePayload({ index, value: 1 }));
    }
  }

  /** Stops a queue; resolves with how many buffers the back end took. */
  async stopQueue(index: number): Promise<number> {
    const { payload } = await this.ask(REQUEST.GET_VRING_BASE, vringStatePayload({ index, value: 0 }));
    return u32(payload, 4);
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.watch.stop();
    this.socket.close();
    for (const fd of this.descriptors) closeSync(fd);
    this.fail('closed');
  }

  private readable(): void {
    for (;;) {
      let received: ReturnType<DescriptorSocket['receive']>;
      try {
        received = this.socket.receive(this.inbox, this.filled, this.inbox.length - this.filled);
      } catch {
        received = { length: 0, descriptors: [] };
      }
      if (received === undefined) return;
      if (received.length === 0) {
        this.hungUp = true;
        this.watch.pause();
        this.fail('the back end hung up');
        return;
      }
      this.descriptors.push(...received.descriptors);
      this.filled += received.length;
      this.deliver();
    }
  }

  private deliver(): void {
    while (this.filled >= HEADER_LENGTH) {
      const end = HEADER_LENGTH + u32(this.inbox, 8);
      if (this.filled < end) return;
      const payload = this.inbox.slice(HEADER_LENGTH, end);
      this.inbox.copyWithin(0, end, this.filled);
      this.filled -= end;
      const descriptors = this.descriptors.splice(0);
      const next = this.waiting.shift();
      if (next !== undefined) next.resolve({ payload, descriptors });
      else for (const fd of descriptors) closeSync(fd);
    }
  }

  private fail(why: string): void {
    for (const { reject } of this.waiting.splice(0)) reject(new Error(why));
  }
}
