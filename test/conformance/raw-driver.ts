import type { PacketLink } from '../../src/link/packet-link.js';
import { EVENTQ, encodeGpioRequest, FEATURE, REQUESTQ, STATUS } from '../../src/wire/virtio-gpio.js';
import { type BusMessage, encodeBus, type HelloResponse } from '../../src/wire/virtio-msg/bus.js';
import { decodeMessage, type Message } from '../../src/wire/virtio-msg/message.js';
import { encodeVqAvail, forEachUsed, type VqUsed } from '../../src/wire/virtio-msg/queue.js';
import { encodeTransport, type TransportMessage } from '../../src/wire/virtio-msg/transport.js';
import { STEP_MS } from '../support/limits.js';

/** A buffer that came back. */
export interface UsedBuffer {
  readonly queue: number;
  readonly id: number;
  readonly bytes: Uint8Array;
}

type WithoutToken<T> = T extends unknown ? Omit<T, 'token'> : never;

/**
 * Speaks to a device on a packet channel message by message, with no policy of its own: what a
 * conformance test needs, and nothing a driver would be blamed for.
 */
export class RawDriver {
  /** Everything received, in order. */
  readonly received: Message[] = [];
  /** The buffers of all VQ_USED, in order. */
  readonly used: UsedBuffer[] = [];
  private token = 0x100;
  private nextId = 1;

  constructor(
    private readonly link: PacketLink,
    readonly devNum = 1,
  ) {
    link.packets$.subscribe(({ packets }) => {
      for (const packet of packets) this.take(packet);
    });
  }

  private take(packet: Uint8Array): void {
    const message = decodeMessage(packet);
    this.received.push(message);
    if (message.type !== 'vq-used' || message.devNum !== this.devNum) return;
    forEachUsed(message as VqUsed, (id, at, length) => {
      this.used.push({ queue: message.vq, id, bytes: packet.slice(at, at + length) });
    });
  }

  send(packet: Uint8Array): void {
    void this.link.send(packet);
  }

  /** Sends a bus request and waits for the answer with its token. */
  async bus<T extends BusMessage['type']>(
    message: WithoutToken<Exclude<BusMessage, { type: 'vq-avail' | 'vq-used' }>>,
    answer: T,
  ): Promise<Extract<BusMessage, { type: T }>> {
    const token = ++this.token;
    this.send(encodeBus({ ...message, token } as never));
    return (await this.answer(token, answer)) as Extract<BusMessage, { type: T }>;
  }

  async transport<T extends TransportMessage['type']>(
    message: WithoutToken<TransportMessage> & object,
    answer: T,
  ): Promise<Extract<TransportMessage, { type: T }>> {
    const token = ++this.token;
    this.send(encodeTransport({ ...message, token } as TransportMessage));
    return (await this.answer(token, answer)) as Extract<TransportMessage, { type: T }>;
  }

  async hello(knownBootId = 0, maxMsgSize = 1024): Promise<HelloResponse> {
    return this.bus(
      { type: 'hello-request', revision: 1, maxMsgSize, busFeatures: 0, knownBootId },
      'hello-response',
    );
  }

  async status(): Promise<number> {
    return (await this.transport({ type: 'status-request', devNum: this.devNum }, 'status-response')).status;
  }

  async setStatus(status: number): Promise<number> {
    const { devNum } = this;
    return (await this.transport({ type: 'set-status-request', devNum, status }, 'set-status-response'))
      .status;
  }

  async offered(): Promise<bigint> {
    const { devNum } = this;
    const { features } = await this.transport(
      { type: 'features-request', devNum, block: 0, count: 2 },
      'features-response',
    );
    return (BigInt(features.bits[1]!) << 32n) | BigInt(features.bits[0]!);
  }

  /** Status, features and queues up to DRIVER_OK, with those of `features` that are offered. */
  async bringUp(features: bigint, queueSizes: readonly [number, number] = [64, 256]): Promise<bigint> {
    const { devNum } = this;
    await this.setStatus(STATUS.ACKNOWLEDGE);
    await this.setStatus(STATUS.ACKNOWLEDGE | STATUS.DRIVER);
    const taken = (await this.offered()) & features;
    await this.setFeatures(taken);
    const status = await this.setStatus(STATUS.ACKNOWLEDGE | STATUS.DRIVER | STATUS.FEATURES_OK);
    if ((status & STATUS.FEATURES_OK) === 0)
      throw new Error(`the features ${taken.toString(16)} were refused`);
    const hasEvents = (taken & (1n << BigInt(FEATURE.IRQ))) !== 0n;
    for (const index of hasEvents ? [REQUESTQ, EVENTQ] : [REQUESTQ]) {
      await this.transport(
        { type: 'set-vqueue-request', devNum, index, size: queueSizes[index]! },
        'set-vqueue-response',
      );
    }
    await this.setStatus(STATUS.ACKNOWLEDGE | STATUS.DRIVER | STATUS.FEATURES_OK | STATUS.DRIVER_OK);
    return taken;
  }

  async setFeatures(features: bigint): Promise<void> {
    const bits = [Number(features & 0xffff_ffffn), Number(features >> 32n)];
    await this.transport(
      { type: 'set-features-request', devNum: this.devNum, features: { block: 0, bits } },
      'set-features-response',
    );
  }

  /** Makes a buffer available; returns its id. */
  available(queue: number, out: Uint8Array, inLen: number): number {
    const id = this.nextId++ & 0xffff;
    this.send(encodeVqAvail(this.devNum, queue, [{ id, inLen, out }]));
    return id;
  }

  request(type: number, line: number, value: number, inLen = 2): number {
    return this.available(REQUESTQ, encodeGpioRequest(type, line, value), inLen);
  }

  eventBuffer(line: number, inLen: number): number {
    return this.available(EVENTQ, Uint8Array.of(line & 0xff, line >> 8), inLen);
  }

  /** Everything that was sent in either direction has arrived. */
  async settle(): Promise<void> {
    const data = ++this.token;
    await this.bus({ type: 'ping-request', data }, 'ping-response');
  }

  private async answer(token: number, type: string): Promise<Message> {
    const deadline = Date.now() + STEP_MS;
    for (let turns = 0; turns < 50 || Date.now() < deadline; turns++) {
      const found = this.received.find(
        (message) => message.type === type && (message as { token: number }).token === token,
      );
      if (found !== undefined) return found;
      await (turns < 50 ? Promise.resolve() : new Promise((resolve) => setImmediate(resolve)));
    }
    throw new Error(`no ${type} came`);
  }
}
