import { BridgeError } from '../base/errors.js';

interface Waiting {
  readonly packet: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** The bounded queue behind `send`: packets that wait until the channel has room. */
export class SendQueue {
  private waiting: Waiting[] = [];
  private next = 0;

  constructor(private readonly limit: number) {}

  get length(): number {
    return this.waiting.length - this.next;
  }

  /** Resolves when {@link take} was called for the packet; rejects with QUEUE_FULL at once, or as {@link fail} says. */
  add(packet: Uint8Array, name: string): Promise<void> {
    if (this.length >= this.limit) {
      return Promise.reject(new BridgeError('QUEUE_FULL', `${name}: ${this.limit} packets wait already`));
    }
    return new Promise((resolve, reject) => this.waiting.push({ packet, resolve, reject }));
  }

  /** The oldest packet, which stays in the queue. Only where {@link length} is not 0. */
  peek(): Uint8Array {
    return this.waiting[this.next]!.packet;
  }

  /** The oldest packet; its promise resolves. Only where {@link length} is not 0. */
  take(): Uint8Array {
    const first = this.shift();
    first.resolve();
    return first.packet;
  }

  /** Drops the oldest packet, whose promise rejects. Only where {@link length} is not 0. */
  refuse(error: Error): void {
    this.shift().reject(error);
  }

  /** Rejects all that wait. */
  fail(error: Error): void {
    const failed = this.waiting.slice(this.next);
    this.forget();
    for (const { reject } of failed) reject(error);
  }

  private shift(): Waiting {
    const first = this.waiting[this.next++]!;
    if (this.next === this.waiting.length) this.forget();
    else if (this.next >= COMPACT_AFTER) {
      this.waiting = this.waiting.slice(this.next);
      this.next = 0;
    }
    return first;
  }

  private forget(): void {
    this.waiting.length = 0;
    this.next = 0;
  }
}

const COMPACT_AFTER = 64;
