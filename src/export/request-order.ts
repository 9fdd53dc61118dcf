import type { DeviceQueues } from '../device/virtio-device.js';
import { REQUESTQ } from '../wire/virtio-gpio.js';

interface Pending {
  readonly id: number;
  readonly line: number;
  answer: Uint8Array | undefined;
}

/**
 * Between a device model and its queues: returns the buffers of the request queue in the order in which
 * they became available, whatever the order in which the lines answer. Event buffers pass.
 */
export class RequestOrder implements DeviceQueues {
  private readonly pending: Pending[] = [];

  /** `answered` is told of a request's line before its buffer is returned. */
  constructor(
    private readonly queues: DeviceQueues,
    private readonly answered: (line: number) => void,
  ) {}

  get maxReturn(): number {
    return this.queues.maxReturn;
  }

  /** Requests that were not returned yet. */
  get length(): number {
    return this.pending.length;
  }

  /** A request came: `line` is the number in it, whatever it is. */
  began(id: number, line: number): void {
    this.pending.push({ id, line, answer: undefined });
  }

  /** The buffers are no longer there to be returned. */
  forget(): void {
    this.pending.length = 0;
  }

  canReturnEvent(): boolean {
    return this.queues.canReturnEvent();
  }

  returnBuffer(queue: number, id: number, bytes: Uint8Array): void {
    if (queue !== REQUESTQ) {
      this.queues.returnBuffer(queue, id, bytes);
      return;
    }
    const at = this.pending.findIndex((request) => request.id === id);
    if (at < 0) return;
    this.answered(this.pending[at]!.line);
    if (at > 0) {
      this.pending[at]!.answer = bytes.slice();
      return;
    }
    this.pending.shift();
    this.queues.returnBuffer(queue, id, bytes);
    while (this.pending[0]?.answer !== undefined) {
      const next = this.pending.shift()!;
      this.queues.returnBuffer(queue, next.id, next.answer!);
    }
  }
}
