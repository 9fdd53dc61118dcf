import type { PacketLink } from '../../src/link/packet-link.js';

/** Speaks to a device in bytes: what is written here is what the wire document says, and no codec. */
export class MessagePeer {
  /** Everything received since {@link take}, in hexadecimal. */
  private received: string[] = [];

  constructor(private readonly link: PacketLink) {
    link.packets$.subscribe(({ packets }) => {
      for (const packet of packets) this.received.push(Buffer.from(packet).toString('hex'));
    });
  }

  send(hex: string): void {
    void this.link.send(Buffer.from(hex, 'hex'));
  }

  /** Sends one message after the other, and returns all that came until nothing more came. */
  async ask(...messages: readonly string[]): Promise<string[]> {
    for (const message of messages) this.send(message);
    return this.take();
  }

  /** What came since the last time. */
  async take(): Promise<string[]> {
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    return this.received.splice(0);
  }
}
