import type { Observable } from 'rxjs';
import { SimulatedCoprocessor } from '../../../firmware-sim/index.js';
import type { ByteStream } from '../../../src/link/byte-stream.js';
import type { StreamListener } from '../../../src/link/listener.js';
import type { LinkState, PacketBatch, PacketLink } from '../../../src/link/packet-link.js';
import { SerialLink } from '../../../src/link/serial/serial-link.js';
import { listenOn } from '../../../src/link/streams/listen.js';
import { systemTime } from '../../../src/linux/clock.js';
import { eventually } from '../program.js';

/** Bring-up of a device that may have to wait for the longest pauses there are. */
const UP_MS = 15_000;
/** After that the daemon is made to open the port again. */
const PATIENCE_MS = 300;

/**
 * A coprocessor that comes up as it should, with edges and answers of a real device, and then sends
 * whatever it is told to in between: packets, and bytes that are no frames.
 */
export class HostileCoprocessor {
  readonly firmware = new SimulatedCoprocessor({
    lines: 16,
    controllers: 2,
    stimuli: [{ kind: 'random', controller: 1, first: 0, last: 7, edgesPerSecond: 2_000 }],
  });
  /** Packets and bytes that were put on the wire. */
  sent = 0;
  /** Positions and bytes of the next packets of the real device that are changed on their way. */
  private changes: (readonly [at: number, value: number])[] = [];
  private stream: ByteStream | undefined;
  private link: SerialLink | undefined;

  private constructor(private readonly listener: StreamListener) {
    listener.streams$.subscribe((stream) => this.accept(stream));
  }

  static async listen(path: string): Promise<HostileCoprocessor> {
    return new HostileCoprocessor(await listenOn({ kind: 'unix', path }, systemTime));
  }

  /**
   * Resolves when the daemon has the device up, as `isUp` finds; when that takes long, or the daemon
   * was told that the device is gone, it has to open the port again.
   */
  async up(isUp: () => Promise<boolean>): Promise<void> {
    let patience = Date.now() + PATIENCE_MS;
    const ready = async () => {
      if (this.link?.state.kind === 'up' && this.firmware.driverOk && (await isUp())) return true;
      if (Date.now() > patience) {
        patience = Date.now() + UP_MS / 3;
        this.hangUp();
      }
      return undefined;
    };
    await eventually(ready, 'the hostile coprocessor to be up again', UP_MS);
  }

  /** Sends packets among those of the real device; those for which there is no channel any more are lost. */
  async send(packets: readonly Uint8Array[]): Promise<void> {
    const { link } = this;
    if (link === undefined) return;
    const results = await Promise.allSettled(packets.map((packet) => link.send(packet)));
    this.sent += results.filter(({ status }) => status === 'fulfilled').length;
  }

  /** Puts bytes on the wire that the link knows nothing of. */
  async sendRaw(bytes: Uint8Array): Promise<void> {
    await this.stream?.write(bytes).catch(() => {});
    this.sent++;
  }

  /** Changes a byte of each of the next packets of the real device. */
  tamperWith(changes: readonly (readonly [at: number, value: number])[]): void {
    this.changes = [...changes];
  }

  /** The port is gone for a moment. */
  hangUp(): void {
    void this.stream?.close();
  }

  async close(): Promise<void> {
    await this.firmware.close();
    await this.listener.close();
  }

  private accept(stream: ByteStream): void {
    this.hangUp();
    void this.link?.close();
    this.stream = stream;
    this.link = new SerialLink(stream.name, stream, {
      role: 'device',
      time: systemTime,
      random: Math.random,
    });
    this.firmware.attach(new TamperedLink(this.link, (packet) => this.changed(packet)));
  }

  private changed(packet: Uint8Array): Uint8Array {
    const change = this.changes.shift();
    if (change === undefined || change[0] >= packet.length) return packet;
    const copy = Uint8Array.from(packet);
    copy[change[0]] = change[1];
    return copy;
  }
}

/** The link of the real device, on which its packets are changed on their way. */
class TamperedLink implements PacketLink {
  readonly name: string;
  readonly state$: Observable<LinkState>;
  readonly packets$: Observable<PacketBatch>;
  readonly room$: Observable<void>;

  constructor(
    private readonly inner: PacketLink,
    private readonly change: (packet: Uint8Array) => Uint8Array,
  ) {
    this.name = inner.name;
    this.state$ = inner.state$;
    this.packets$ = inner.packets$;
    this.room$ = inner.room$;
  }

  get state(): LinkState {
    return this.inner.state;
  }
  get maxPacket(): number {
    return this.inner.maxPacket;
  }
  get packetHint(): number {
    return this.inner.packetHint;
  }
  get room(): number {
    return this.inner.room;
  }
  get counters(): Readonly<Record<string, number>> {
    return this.inner.counters;
  }

  send(packet: Uint8Array): Promise<void> {
    return this.inner.send(this.change(packet));
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}
