import fc from 'fast-check';
import type { LinkListener } from '../../src/link/listener.js';
import { listenSeqpacket } from '../../src/link/messages/seqpacket-listener.js';
import type { PacketLink } from '../../src/link/packet-link.js';
import { systemTime } from '../../src/linux/clock.js';
import { encodeRpmsgGpioReply, type RpmsgGpioForm } from '../../src/wire/rpmsg-gpio.js';
import { decodeSrtm, encodeSrtm } from '../../src/wire/srtm.js';
import { mutated } from './corpus.js';

export type MessageDialect = RpmsgGpioForm | 'srtm';

/** Of the requests, so many are answered as they should be: else a driver would never get far. */
const ANSWERED = 0.7;

/** Firmware of a dialect of messages that answers most requests, and sends whatever else in between. */
export class HostileFirmware {
  sent = 0;
  private link: PacketLink | undefined;

  private constructor(
    private readonly dialect: MessageDialect,
    private readonly listener: LinkListener,
    private readonly random: () => number,
  ) {
    listener.links$.subscribe((link) => {
      this.link = link;
      link.packets$.subscribe(({ packets }) => {
        for (const packet of packets) if (this.random() < ANSWERED) this.answer(packet);
      });
    });
  }

  static async listen(dialect: MessageDialect, path: string, random: () => number): Promise<HostileFirmware> {
    return new HostileFirmware(dialect, await listenSeqpacket(path, systemTime), random);
  }

  /** Sends so many inputs made of the corpus; waits where the driver does not take them. */
  async send(count: number, seed: number): Promise<void> {
    for (const bytes of fc.sample(mutated(this.dialect), { numRuns: count, seed })) {
      // The boundary of a message without bytes is the end of a connection elsewhere.
      if (bytes.length === 0) continue;
      await this.link?.send(bytes).catch(() => {});
      this.sent++;
    }
  }

  /** Ends the connection: the driver comes back. */
  hangUp(): void {
    void this.link?.close();
  }

  async close(): Promise<void> {
    await this.listener.close();
  }

  private answer(packet: Uint8Array): void {
    const level = this.random() < 0.5 ? 0 : 1;
    void this.link?.send(this.reply(packet, level)).catch(() => {});
  }

  private reply(packet: Uint8Array, level: 0 | 1): Uint8Array {
    if (this.dialect !== 'srtm') return encodeRpmsgGpioReply(this.dialect, 0, level);
    const setup = decodeSrtm(packet);
    const { cmd, line, port } = setup.type === 'setup' ? setup : { cmd: 0, line: 0, port: 0 };
    return encodeSrtm({ type: 'reply', cmd, line, port, retcode: 0, value: level });
  }
}
