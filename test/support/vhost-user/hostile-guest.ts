import { Random } from '../../../firmware-sim/random.js';
import { encodeGpioRequest } from '../../../src/wire/virtio-gpio.js';
import type { DriverQueue } from './driver-queue.js';
import { FrontEndGuest } from './front-end-guest.js';

/** Things done to one connection, at most. */
const BURST = 200;
/** Pause after a connection that came to nothing. */
const PAUSE_MS = 5;
/** So long nobody has to answer: whoever is thrown out is let in again. */
const LIMIT_MS = 30_000;

/**
 * A guest that does what it can against the device on a socket: well-formed requests as fast as they are taken, nonsense
 * in its rings and descriptors, indices that jump, heads that are not there; again and again, until told to stop.
 */
export class HostileGuest {
  /** Guests that connected, and things they did. */
  guests = 0;
  deeds = 0;
  private stopping = false;
  private readonly random: Random;
  private readonly done: Promise<void>;

  constructor(
    private readonly socket: string,
    seed: number,
    private readonly limitMs = LIMIT_MS,
  ) {
    this.random = new Random(seed);
    this.done = this.run();
    // Told by stop.
    this.done.catch(() => {});
  }

  /** Resolves when the last of its guests is gone; rejects where there was nobody to be hostile to any more. */
  async stop(): Promise<void> {
    this.stopping = true;
    await this.done;
  }

  private async run(): Promise<void> {
    let connectedAt = performance.now();
    while (!this.stopping) {
      const guest = new FrontEndGuest(this.socket);
      try {
        await guest.connect();
        this.guests++;
        connectedAt = performance.now();
        for (let left = this.random.below(BURST); left > 0 && guest.isConnected && !this.stopping; left--) {
          this.act(guest);
          this.deeds++;
          await new Promise((resolve) => setImmediate(resolve));
        }
      } catch (error) {
        // It was thrown out, or ran out of descriptors: the next one tries its luck.
        if (performance.now() - connectedAt > this.limitMs) {
          throw new Error(`no connection to ${this.socket} for ${this.limitMs} ms`, { cause: error });
        }
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      } finally {
        guest.close();
      }
    }
  }

  private act(guest: FrontEndGuest): void {
    const { random } = this;
    const queue = random.below(2) === 0 ? guest.requests : guest.events;
    switch (random.below(8)) {
      case 0:
      case 1:
      case 2:
        guest.requests.add(encodeGpioRequest(random.below(9), random.below(6), random.below(5)), 2);
        break;
      case 3:
        guest.events.add(Uint8Array.of(random.below(6), 0), 1);
        break;
      case 4:
        this.scribble(guest, queue);
        break;
      case 5:
        queue.offer(random.below(2 * queue.size));
        break;
      case 6:
        queue.available = random.below(0x1_0000);
        queue.kick.signal();
        break;
      default:
        collect(queue);
    }
  }

  /** Nonsense in the descriptors or the available ring. */
  private scribble({ memory }: FrontEndGuest, queue: DriverQueue): void {
    const { random } = this;
    const [at, length] =
      random.below(2) === 0 ? [queue.base, 16 * queue.size] : [queue.availableAt, 4 + 2 * queue.size];
    const view = memory.view(at, length);
    for (let i = 0; i < 8; i++) view.setUint8(random.below(length), random.below(256));
    queue.kick.signal();
  }
}

/** Takes what came back; whether the queue's own books are right does not matter here. */
function collect(queue: DriverQueue): void {
  try {
    queue.used();
  } catch {
    // Its own nonsense came back.
  }
}
