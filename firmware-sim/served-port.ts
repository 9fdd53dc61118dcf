import type { Time } from '../src/base/clock.js';
import type { ByteStream } from '../src/link/byte-stream.js';
import type { PacketLink } from '../src/link/packet-link.js';
import { SerialLink } from '../src/link/serial/serial-link.js';
import { BootStream } from './boot-stream.js';

/** A connection on which the firmware is reached, for as long as it lasts. */
export interface ServedPort {
  /** The link of a boot that begins now, and the one before says nothing more; undefined: it ended with that boot. */
  boot(): PacketLink | undefined;
  close(): Promise<void>;
}

/** A byte stream on which each boot of the firmware opens a serial link of its own. */
export class ServedStream implements ServedPort {
  private link: PacketLink | undefined;

  constructor(
    private readonly stream: ByteStream,
    private readonly time: Time,
    private readonly plain: boolean,
  ) {}

  boot(): PacketLink {
    void this.link?.close();
    this.link = new SerialLink(this.stream.name, new BootStream(this.stream), {
      role: 'device',
      mode: this.plain ? 'plain' : 'reliable',
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

/**
 * A channel that stands and falls with the boot that serves it, as an rpmsg channel does with its remote
 * processor: the driver finds it gone at a restart, and opens the next.
 */
export class ServedLink implements ServedPort {
  private served = false;

  constructor(private readonly link: PacketLink) {}

  boot(): PacketLink | undefined {
    if (this.served) {
      void this.link.close();
      return undefined;
    }
    this.served = true;
    return this.link;
  }

  close(): Promise<void> {
    return this.link.close();
  }
}
