import { BridgeError } from '../../base/errors.js';

interface Waiting {
  readonly packet: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** The bounded queue behind `send`: packets that wait for a free place in the window. */
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

  /** The oldest packet; its promise resolves. Only where {@link length} is not 0. */
  take(): Uint8Array {
    const first = this.waiting[this.next++]!;
    if (this.next === this.waiting.length) this.forget();
    else if (this.next >= COMPACT_AFTER) {
      this.waiting = this.waiting.slice(this.next);
      this.next = 0;
    }
    first.resolve();
    return first.packet;
  }

  /** Rejects all that wait. */
  fail(error: Error): void {
    const failed = this.waiting.slice(this.next);
    this.forget();
    for (const { reject } of failed) reject(error);
  }

  private forget(): void {
    this.waiting.length = 0;
    this.next = 0;
  }
}

const COMPACT_AFTER = 64;
