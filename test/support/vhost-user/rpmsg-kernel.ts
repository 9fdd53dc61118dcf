import {
  NAME_SERVICE_ADDRESS,
  RPMSG_BUFFER_LENGTH,
  RPMSG_HEADER_LENGTH,
  readAnnouncement,
  readRpmsgHeader,
  writeRpmsg,
} from '../../../src/wire/rpmsg.js';
import { until } from '../../contract/packet-link.js';
import { DriverQueue } from './driver-queue.js';
import { FrontEnd, VERSION_1 } from './front-end.js';
import { SharedGuestMemory } from './guest-memory.js';

const QUEUE_SIZE = 64;
const NOTHING = new Uint8Array(0);

export interface KernelMessage {
  readonly source: number;
  readonly destination: number;
  readonly payload: Uint8Array;
}

/** What virtio_rpmsg_bus does in a guest's kernel, by hand: gives buffers, hears announcements, sends and receives. */
export class RpmsgKernel {
  /** Announcements in order: `+rpmsg-raw@1024`, `-rpmsg-raw@1024`. */
  readonly heard: string[] = [];
  readonly messages: KernelMessage[] = [];
  readonly receiving: DriverQueue;
  readonly sending: DriverQueue;
  private readonly memory = new SharedGuestMemory();
  private front: FrontEnd | undefined;

  constructor(private readonly path: string) {
    this.receiving = new DriverQueue(this.memory, 0, QUEUE_SIZE, 0x10_0000, 0x11_0000, RPMSG_BUFFER_LENGTH);
    this.sending = new DriverQueue(this.memory, 1, QUEUE_SIZE, 0x10_1000, 0x12_0000, RPMSG_BUFFER_LENGTH);
  }

  /** The device is there, and the driver. `bases`: of a driver that goes on. */
  async probe(bases: readonly number[] = []): Promise<void> {
    if (bases.length === 0) this.giveBuffers(QUEUE_SIZE);
    this.front = new FrontEnd(this.path);
    await this.front.negotiate(VERSION_1);
    await this.front.setMemory(this.memory);
    await this.front.startQueues([this.receiving, this.sending], bases);
  }

  giveBuffers(count: number): void {
    for (let i = 0; i < count; i++) this.receiving.add(NOTHING, RPMSG_BUFFER_LENGTH, i === count - 1);
  }

  send(source: number, destination: number, payload: Uint8Array): void {
    this.sendRaw(writeRpmsg(source, destination, payload));
  }

  sendRaw(bytes: Uint8Array): void {
    this.sending.used();
    this.sending.add(bytes, 0);
  }

  /** Takes what came, and gives the buffers back unless told not to. */
  take(giveBack = true): void {
    const used = this.receiving.used();
    for (const { bytes } of used) {
      const header = readRpmsgHeader(bytes, 0, bytes.length);
      if (header === undefined) throw new Error(`no message: ${Buffer.from(bytes).toString('hex')}`);
      const payload = bytes.subarray(RPMSG_HEADER_LENGTH, RPMSG_HEADER_LENGTH + header.length);
      if (header.destination === NAME_SERVICE_ADDRESS) {
        const { name, address, exists } = readAnnouncement(payload)!;
        this.heard.push(`${exists ? '+' : '-'}${name}@${address}`);
      } else this.messages.push({ ...header, payload });
    }
    if (giveBack) this.giveBuffers(used.length);
  }

  /** Waits for a condition, taking what comes. */
  until(condition: () => boolean): Promise<void> {
    return until(() => {
      this.take();
      return condition();
    });
  }

  /** What the hypervisor tells a back end that comes back. */
  get bases(): number[] {
    return [this.receiving.seen, this.sending.seen];
  }

  get isHungUp(): boolean {
    return this.front?.isHungUp ?? true;
  }

  get isIntact(): boolean {
    return this.memory.isIntact();
  }

  /** The hypervisor is gone; its guest's memory is still there. */
  disconnect(): void {
    this.front?.close();
  }

  close(): void {
    this.disconnect();
    this.receiving.close();
    this.sending.close();
    this.memory.close();
  }
}
