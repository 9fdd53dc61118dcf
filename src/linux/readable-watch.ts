import type Koffi from 'koffi';
import { koffi } from './koffi.js';

const READABLE = { readable: true };

/**
 * Says when a descriptor that can be polled has something to read (or is at its end), again as long as
 * that is so. It does not own the descriptor: {@link stop} first, then close it.
 */
export class ReadableWatch {
  private readonly handle: InstanceType<typeof Koffi.node.PollHandle>;
  private stopped = false;
  private paused = false;

  /** A descriptor that cannot be polled, as a file's cannot, ends the process: koffi has no error for it. */
  constructor(
    fd: number,
    private readonly readable: () => void,
  ) {
    this.handle = koffi().node.poll(fd, READABLE, this.onPoll);
  }

  pause(): void {
    if (this.stopped || this.paused) return;
    this.paused = true;
    this.handle.stop();
  }

  resume(): void {
    if (this.stopped || !this.paused) return;
    this.paused = false;
    this.handle.start(READABLE, this.onPoll);
  }

  /** Idempotent. */
  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    this.handle.stop();
    this.handle.close();
  }

  // An error of polling, too, shows when the descriptor is read.
  private readonly onPoll = (): void => {
    if (!this.stopped && !this.paused) this.readable();
  };
}
