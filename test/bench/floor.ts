import { createConnection, createServer, type Socket } from 'node:net';
import { encode } from '@msgpack/msgpack';
import { FrameSplitter } from '../../src/link/serial/frame-splitter.js';
import { encodeSerialFrame, type SerialFrame } from '../../src/wire/serial-frame.js';
import {
  DIRECTION,
  decodeStampedIrqResponse,
  EVENTQ,
  encodeGpioRequest,
  FEATURE,
  IRQ_TYPE,
  MSG,
  REQUESTQ,
  STAMPED_IRQ_RESPONSE_LENGTH,
  STATUS,
} from '../../src/wire/virtio-gpio.js';
import { encodeBus } from '../../src/wire/virtio-msg/bus.js';
import { decodeMessage } from '../../src/wire/virtio-msg/message.js';
import { encodeVqAvail, forEachUsed, VqAvailBuilder, type VqUsed } from '../../src/wire/virtio-msg/queue.js';
import { encodeTransport, type TransportMessage } from '../../src/wire/virtio-msg/transport.js';

/**
 * The floor: the least that a program of Node's must do for the same visible work as the daemon. It reads the
 * bytes, takes the frames apart, stamps each edge, returns each buffer with VQ_AVAIL, and writes one MessagePack
 * notification a batch to one socket. Nothing is repaired, accounted for, checked or shared.
 * `floor PORT LISTEN LINES`; prints a line when its client is being served.
 */
const DEVICE = 1;
const SESSION = 0x5eed_0001;
const FEATURES =
  (1n << BigInt(FEATURE.IRQ)) |
  (1n << BigInt(FEATURE.VERSION_1)) |
  (1n << BigInt(FEATURE.EVENT_STAMP)) |
  (1n << BigInt(FEATURE.EVENT_QUEUE));
const QUEUE_SIZE = 256;
/** Event buffers that each line has at the device. */
const BUFFERS = 3;

class Floor {
  private readonly splitter = new FrameSplitter();
  private readonly rearm = new VqAvailBuilder(DEVICE, EVENTQ, 1024);
  private ns = 0;
  private expected = 0;
  private token = 0;
  private readonly waiting = new Map<number, () => void>();
  private readonly lineOf = new Uint16Array(QUEUE_SIZE);
  private readonly lineSeqno: Uint32Array;
  private seqno = 0;
  private rows: unknown[] = [];
  private offsetNs: bigint | undefined;
  private opened: () => void = () => {};

  constructor(
    private readonly port: Socket,
    private readonly client: Socket,
    private readonly lines: number,
  ) {
    this.lineSeqno = new Uint32Array(lines);
    port.on('data', (chunk) => this.read(chunk));
  }

  async run(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.opened = resolve;
      this.write({ kind: 'rst', window: 7, maxPayload: 1024, session: SESSION });
    });
    await this.ask((token) =>
      encodeBus({
        type: 'hello-request',
        token,
        revision: 1,
        maxMsgSize: 1024,
        busFeatures: 0,
        knownBootId: 0,
      }),
    );
    await this.bringUp();
    for (let line = 0; line < this.lines; line++) {
      await this.request(MSG.SET_DIRECTION, line, DIRECTION.IN);
      await this.request(MSG.SET_IRQ_TYPE, line, IRQ_TYPE.EDGE_BOTH);
    }
    console.log('ready');
    for (let id = 0; id < this.lines * BUFFERS; id++) this.giveBack(id, id % this.lines);
    this.flush();
  }

  private async bringUp(): Promise<void> {
    const devNum = DEVICE;
    const ready = STATUS.ACKNOWLEDGE | STATUS.DRIVER | STATUS.FEATURES_OK;
    const bits = [Number(FEATURES & 0xffff_ffffn), Number(FEATURES >> 32n)];
    await this.transport({ type: 'set-status-request', devNum, token: 0, status: 0 });
    await this.transport({ type: 'set-status-request', devNum, token: 0, status: STATUS.ACKNOWLEDGE });
    await this.transport({ type: 'set-features-request', devNum, token: 0, features: { block: 0, bits } });
    await this.transport({ type: 'set-status-request', devNum, token: 0, status: ready });
    for (const index of [REQUESTQ, EVENTQ]) {
      await this.transport({ type: 'set-vqueue-request', devNum, token: 0, index, size: QUEUE_SIZE });
    }
    await this.transport({ type: 'set-status-request', devNum, token: 0, status: ready | STATUS.DRIVER_OK });
  }

  private transport(message: TransportMessage): Promise<void> {
    return this.ask((token) => encodeTransport({ ...message, token }));
  }

  private ask(message: (token: number) => Uint8Array): Promise<void> {
    const token = ++this.token;
    return new Promise((resolve) => {
      this.waiting.set(token, resolve);
      this.send(message(token));
    });
  }

  /** One request at a time; its buffer is the answer's token. */
  private request(type: number, line: number, value: number): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.set(-1, resolve);
      this.send(
        encodeVqAvail(DEVICE, REQUESTQ, [{ id: 0, inLen: 2, out: encodeGpioRequest(type, line, value) }]),
      );
    });
  }

  private read(chunk: Buffer): void {
    const arrived = process.hrtime.bigint();
    let acknowledge = false;
    this.splitter.push(chunk, (frame) => {
      if (frame.kind === 'rstack') this.opened();
      if (frame.kind !== 'data' || frame.ns !== this.expected) return;
      this.expected = (this.expected + 1) & 7;
      acknowledge = true;
      this.take(frame.payload, arrived);
    });
    if (this.rows.length > 0) {
      this.client.write(encode([2, 'events', [1, this.rows]], { useBigInt64: true }));
      this.rows = [];
    }
    if (this.rearm.count > 0) this.flush();
    else if (acknowledge) this.write({ kind: 'ack', nr: this.expected, nak: false });
  }

  private take(packet: Uint8Array, arrived: bigint): void {
    const message = decodeMessage(packet);
    if (message.type === 'dropped') return;
    if (message.type !== 'vq-used') {
      const token = 'token' in message ? message.token : 0;
      this.waiting.get(token)?.();
      this.waiting.delete(token);
    } else if (message.vq === REQUESTQ) this.waiting.get(-1)?.();
    else this.takeEdges(message as VqUsed, packet, arrived);
  }

  private takeEdges(message: VqUsed, packet: Uint8Array, arrived: bigint): void {
    forEachUsed(message, (id, at) => {
      const edge = decodeStampedIrqResponse(packet, at);
      const line = this.lineOf[id]!;
      this.offsetNs ??= arrived - edge.timeNs;
      this.rows.push([
        0,
        line,
        edge.level === 0 ? 1 : 0,
        edge.timeNs + this.offsetNs,
        1000,
        ++this.seqno,
        ++this.lineSeqno[line]!,
        0,
      ]);
      this.giveBack(id, line);
    });
  }

  private giveBack(id: number, line: number): void {
    this.lineOf[id] = line;
    if (this.rearm.addLine(id, STAMPED_IRQ_RESPONSE_LENGTH, line)) return;
    this.flush();
    this.rearm.addLine(id, STAMPED_IRQ_RESPONSE_LENGTH, line);
  }

  private flush(): void {
    if (this.rearm.count > 0) this.send(this.rearm.take());
  }

  private send(packet: Uint8Array): void {
    this.write({ kind: 'data', ns: this.ns, nr: this.expected, payload: packet });
    this.ns = (this.ns + 1) & 7;
  }

  private write(frame: SerialFrame): void {
    this.port.write(encodeSerialFrame(frame));
  }
}

const [port, listen, lines] = process.argv.slice(2);
createServer((client) => {
  const socket = createConnection(port!, () => void new Floor(socket, client, Number(lines)).run());
}).listen(listen!, () => console.log('listening'));
