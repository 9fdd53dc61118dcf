import { decode } from '../../../src/api/msgpack/codec.js';
import { MessageSplitter } from '../../../src/api/msgpack/splitter.js';
import { FrameSplitter } from '../../../src/link/serial/frame-splitter.js';
import { encodeSerialFrame } from '../../../src/wire/serial-frame.js';
import {
  decodeGpioConfig,
  decodeGpioRequest,
  decodeNames,
  decodeStampedIrqResponse,
  STAMPED_IRQ_RESPONSE_LENGTH,
} from '../../../src/wire/virtio-gpio.js';
import { decodeMessage } from '../../../src/wire/virtio-msg/message.js';
import { forEachAvail, forEachUsed } from '../../../src/wire/virtio-msg/queue.js';

const LINES = 40;

/** Every decoder that bytes from outside reach, one after the other. None may throw. */
export class Decoders {
  /** Frames and what was none, as the splitter of the serial link saw them. */
  frames = 0;
  discarded = 0;
  /** Messages of the socket API that were whole, and ones that broke the format. */
  messages = 0;
  broken = 0;

  private readonly serial = new FrameSplitter();
  private api = new MessageSplitter(65_536);

  take(bytes: Uint8Array): void {
    this.takePacket(bytes);
    this.takeBytes(bytes);
    this.takeBytes(encodeSerialFrame({ kind: 'plain', payload: bytes.subarray(0, 1_024) }));
    this.takeApi(bytes);
  }

  private takePacket(packet: Uint8Array): void {
    const message = decodeMessage(packet);
    const within = (_id: number, at: number, length: number): void => {
      if (at + length > packet.length) throw new Error(`an element at ${at}, ${length} bytes long`);
    };
    if (message.type === 'vq-used') forEachUsed(message, within);
    else if (message.type === 'vq-avail') forEachAvail(message, (id, _in, at, out) => within(id, at, out));
    decodeGpioRequest(packet);
    decodeGpioConfig(packet);
    if (decodeNames(packet, LINES).names.length !== LINES) throw new Error('names of other lines');
    if (packet.length >= STAMPED_IRQ_RESPONSE_LENGTH) decodeStampedIrqResponse(packet);
  }

  private takeBytes(bytes: Uint8Array): void {
    this.serial.push(bytes, (frame) => {
      if (frame.kind === 'discarded') this.discarded++;
      else this.frames++;
    });
  }

  private takeApi(bytes: Uint8Array): void {
    const error = this.api.push(bytes, (message) => {
      this.messages++;
      // What it throws is caught where it is used, and ends that connection.
      try {
        decode(message);
      } catch (thrown) {
        if (!(thrown instanceof Error)) throw thrown;
      }
    });
    if (error === undefined && !this.api.midMessage) return;
    if (error !== undefined) this.broken++;
    this.api = new MessageSplitter(65_536);
  }
}
