import type { Subscription } from 'rxjs';
import type { Time } from '../../src/base/clock.js';
import type { ByteStream } from '../../src/link/byte-stream.js';
import type { PacketLink } from '../../src/link/packet-link.js';
import { SerialLink } from '../../src/link/serial/serial-link.js';
import { BootStream } from '../boot-stream.js';

/** The port of a replay: a new serial link for each channel, and bytes that are no frames. */
export class ReplayPort {
  private link: PacketLink | undefined;
  private subscriptions: Subscription[] = [];

  /** `changed` is called whenever the driver may have done something. */
  constructor(
    private readonly stream: ByteStream,
    private readonly time: Time,
    private readonly changed: () => void,
  ) {}

  /** Opens a link without a session; the one before says nothing more. Attach to it, then {@link watch} it. */
  open(): PacketLink {
    this.leave();
    this.link = new SerialLink(this.stream.name, new BootStream(this.stream), {
      role: 'device',
      time: this.time,
      random: Math.random,
    });
    return this.link;
  }

  /** Follows the link from now on, after those who were there before. */
  watch(): void {
    const { link, changed } = this;
    this.subscriptions = [
      link!.packets$.subscribe(changed),
      link!.room$.subscribe(changed),
      link!.state$.subscribe(changed),
    ];
  }

  /** Bytes between two frames that a driver takes for damage. */
  damage(bytes: Uint8Array): void {
    // In front as behind a delimiter: nothing of a frame is lost with it.
    this.stream.write(Buffer.concat([bytes, Buffer.of(0)])).catch(() => {});
  }

  async close(): Promise<void> {
    this.leave();
    await this.stream.close();
  }

  private leave(): void {
    for (const subscription of this.subscriptions.splice(0)) subscription.unsubscribe();
    void this.link?.close();
  }
}
