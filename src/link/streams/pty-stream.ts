import { closeSync } from 'node:fs';
import type { Observable } from 'rxjs';
import type { Clock } from '../../base/clock.js';
import { FdChannel } from '../../linux/fd-channel.js';
import { OpenWatch } from '../../linux/open-watch.js';
import { isDeserted, isHungUp, openPty, type PtyMaster, renewSlave } from '../../linux/pty.js';
import type { ByteStream, ReceivedBytes, StreamEnd } from '../byte-stream.js';
import { StreamOutlets } from './stream-outlets.js';

/**
 * The device's side of a pseudoterminal, which behaves as a UART does: programs open and close the
 * slave, and the stream never notices. While nobody has it open, what is written is gone, and
 * nothing piles up for the next one.
 *
 * A program that was killed leaves its exclusive use on the slave, so that only root could open it
 * again; where this process cannot undo that, it goes on with a new pseudoterminal and says so
 * through `moved`.
 */
export class PtyStream implements ByteStream {
  readonly data$: Observable<ReceivedBytes>;
  readonly end$: Observable<StreamEnd>;
  readonly bytesPerSecond = undefined;

  private readonly outlets: StreamOutlets;
  private master: PtyMaster;
  /** Reads and writes while somebody has the slave open. */
  private channel: FdChannel | undefined;
  /** Waits for somebody while nobody has. */
  private watch: OpenWatch | undefined;

  constructor(
    readonly name: string,
    clock: Pick<Clock, 'monotonicNs'>,
    private readonly moved: (slavePath: string) => void = () => undefined,
  ) {
    this.outlets = new StreamOutlets(name, clock);
    this.data$ = this.outlets.data$;
    this.end$ = this.outlets.end$;
    this.master = openPty();
    this.waitForOpener();
  }

  /** `/dev/pts/7`; another one after `moved`. */
  get slavePath(): string {
    return this.master.slavePath;
  }

  get pendingBytes(): number {
    return this.channel?.pendingBytes ?? 0;
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.outlets.isOver) return Promise.reject(this.outlets.downError());
    const { channel } = this;
    if (channel === undefined || isHungUp(this.master)) return Promise.resolve();
    // What a closing slave cut off went to nobody, as on a UART.
    return new Promise((resolve) => channel.write(bytes, () => resolve()));
  }

  close(): Promise<void> {
    if (this.outlets.end({ cause: 'closed', reason: 'closed' })) {
      this.channel?.stop();
      this.watch?.close();
      closeSync(this.master.fd);
    }
    return Promise.resolve();
  }

  private waitForOpener(): void {
    this.watch = new OpenWatch(this.master.slavePath, () => this.takeOpener());
    // Somebody may have come before the watch was there.
    this.takeOpener();
  }

  private takeOpener(): void {
    if (this.watch === undefined || isDeserted(this.master)) return;
    this.watch.close();
    this.watch = undefined;
    this.channel = new FdChannel(this.master.fd, {
      data: (bytes) => this.outlets.receive(bytes),
      end: () => this.loseOpener(),
    });
  }

  private loseOpener(): void {
    this.channel?.stop();
    this.channel = undefined;
    if (this.outlets.isOver) return;
    if (!renewSlave(this.master)) {
      closeSync(this.master.fd);
      this.master = openPty();
      this.moved(this.master.slavePath);
    }
    this.waitForOpener();
  }
}
