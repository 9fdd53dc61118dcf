import type { Time } from '../src/base/clock.js';
import type { ByteStream } from '../src/link/byte-stream.js';
import type { PacketLink } from '../src/link/packet-link.js';
import { SerialLink } from '../src/link/serial/serial-link.js';
import { BootStream } from './boot-stream.js';

/** A byte stream on which each boot of the firmware opens a serial link of its own. */
export class ServedPort {
  private link: PacketLink | undefined;

  constructor(
    private readonly stream: ByteStream,
    private readonly time: Time,
  ) {}

  /** The link of a boot that begins now; the one before says nothing more. */
  boot(): PacketLink {
    void this.link?.close();
    this.link = new SerialLink(this.stream.name, new BootStream(this.stream), {
      role: 'device',
      time: this.time,
      random: Math.random,
    });
    return this.link;
  }

  async close(): Promise<void> {
    await this.link?.close();
    await this.stream.close();
  }
}
