import type { Observable } from 'rxjs';
import type { LinkCounters, LinkState, PacketBatch, PacketLink } from '../../src/link/packet-link.js';

/** A packet link with another behind it, which is what it shows of itself. */
export abstract class LinkWrapper implements PacketLink {
  abstract readonly packets$: Observable<PacketBatch>;

  constructor(protected readonly link: PacketLink) {}

  abstract send(packet: Uint8Array): Promise<void>;

  get name(): string {
    return this.link.name;
  }

  get state(): LinkState {
    return this.link.state;
  }

  get state$(): Observable<LinkState> {
    return this.link.state$;
  }

  get room$(): Observable<void> {
    return this.link.room$;
  }

  get room(): number {
    return this.link.room;
  }

  get maxPacket(): number {
    return this.link.maxPacket;
  }

  get packetHint(): number {
    return this.link.packetHint;
  }

  get counters(): LinkCounters {
    return this.link.counters;
  }

  close(): Promise<void> {
    return this.link.close();
  }
}
