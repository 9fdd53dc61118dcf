import { EVENTQ, encodeGpioRequest, FEATURE, RESPONSE_LENGTH } from '../../src/wire/virtio-gpio.js';

/** What a device under test is made with. */
export interface DeviceSetup {
  readonly lines: number;
  /** By offset; '' is unnamed. */
  readonly names: readonly string[];
  /** FEATURE numbers to offer and negotiate, beside VERSION_1. */
  readonly features: readonly number[];
  /** With EVENT_QUEUE. */
  readonly eventDepth: number;
}

export interface ReturnedBuffer {
  readonly queue: number;
  readonly id: number;
  readonly bytes: Uint8Array;
}

/**
 * A virtio-gpio device at DRIVER_OK and the pins behind it, whatever carries its queues. The
 * conformance suite sees no more of a device than this.
 */
export interface DeviceUnderTest {
  /** Makes a buffer available; returns an id of the harness's choice. */
  available(queue: number, out: Uint8Array, inLength: number): number;
  /** Resolves when the device has nothing left to do. */
  settle(): Promise<void>;
  /** All buffers returned so far, in order. */
  readonly returned: readonly ReturnedBuffer[];
  config(): Promise<Uint8Array>;
  /** The world outside applies a level to a pin. */
  applyLevel(line: number, level: 0 | 1): void;
  /** What the pin shows outside. */
  pinLevel(line: number): 0 | 1;
  isOutput(line: number): boolean;
  /** What GET_DIRECTION tells of lines that the driver gave no direction; by default NONE. */
  readonly unsetDirection?: number;
  /** It takes F_IRQ for negotiated, whatever it was told: an exception to D17. */
  readonly interruptsAlways?: boolean;
  close(): Promise<void>;
}

export type MakeDevice = (setup: DeviceSetup) => Promise<DeviceUnderTest>;

/** An event buffer as it came back; the fields of EVENT_STAMP only where it was negotiated. */
export interface ReturnedEvent {
  readonly id: number;
  readonly valid: boolean;
  readonly level?: number;
  readonly seq?: number;
}

/** Requests and event buffers in the words of the specification, over a device under test. */
export class GpioBench {
  private seen = 0;

  constructor(
    readonly device: DeviceUnderTest,
    private readonly stamped: boolean,
  ) {}

  /** Bytes of an event buffer as negotiated. */
  get eventLength(): number {
    return this.stamped ? 16 : 1;
  }

  /** The answer to one request. */
  async ask(type: number, line: number, value = 0, inLength = RESPONSE_LENGTH): Promise<number[]> {
    const id = this.device.available(0, encodeGpioRequest(type, line, value), inLength);
    await this.device.settle();
    const answer = this.device.returned.find((buffer) => buffer.queue === 0 && buffer.id === id);
    if (answer === undefined) throw new Error(`request ${type} of line ${line} was not answered`);
    return [...answer.bytes];
  }

  /** Queues an event buffer of the line. */
  arm(line: number): number {
    return this.device.available(EVENTQ, Uint8Array.of(line & 0xff, line >> 8), this.eventLength);
  }

  /** Event buffers that came back since the last call. */
  async events(): Promise<ReturnedEvent[]> {
    await this.device.settle();
    const fresh = this.device.returned.slice(this.seen).filter(({ queue }) => queue === EVENTQ);
    this.seen = this.device.returned.length;
    return fresh.map(({ id, bytes }) => this.event(id, bytes));
  }

  /** Gives the line this level, then the other, and so on: `levels.length` changes at most. */
  apply(line: number, ...levels: (0 | 1)[]): void {
    for (const level of levels) this.device.applyLevel(line, level);
  }

  private event(id: number, bytes: Uint8Array): ReturnedEvent {
    if (bytes.length !== this.eventLength) throw new Error(`an event response of ${bytes.length} bytes`);
    const valid = bytes[0] === 1;
    if (!this.stamped) return { id, valid };
    return {
      id,
      valid,
      level: bytes[1]!,
      seq: new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true),
    };
  }
}

export function hasFeature(setup: Pick<DeviceSetup, 'features'>, feature: keyof typeof FEATURE): boolean {
  return setup.features.includes(FEATURE[feature]);
}
