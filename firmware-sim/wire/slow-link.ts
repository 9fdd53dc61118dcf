import { type Observable, Subject } from 'rxjs';
import type { Time } from '../../src/base/clock.js';
import { BridgeError } from '../../src/base/errors.js';
import type { PacketBatch, PacketLink } from '../../src/link/packet-link.js';
import { DelayLine } from './delay-line.js';
import type { WireFaultCounters, WireFaultState } from './fault-state.js';
import { LinkWrapper } from './link-wrapper.js';

export interface SlowLinkParts {
  /** Looked at with every message: of a channel that carries messages, delays and stalls alone matter. */
  readonly faults: WireFaultState;
  readonly counters: WireFaultCounters;
  readonly time: Time;
}

/** The device's end of a message channel that holds messages up, both ways, in their order. */
export function withDelays(link: PacketLink, parts: SlowLinkParts): PacketLink {
  return new SlowLink(link, parts);
}

class SlowLink extends LinkWrapper {
  readonly packets$: Observable<PacketBatch>;
  private readonly incoming: DelayLine;
  private readonly outgoing: DelayLine;

  constructor(
    link: PacketLink,
    private readonly parts: SlowLinkParts,
  ) {
    super(link);
    const { faults, time, counters } = parts;
    const received = new Subject<PacketBatch>();
    this.packets$ = received.asObservable();
    this.incoming = new DelayLine(faults, time, counters, (packet, arrivedNs) =>
      received.next({ arrivedNs, packets: [packet] }),
    );
    // A link that ended meanwhile says so itself.
    this.outgoing = new DelayLine(faults, time, counters, (packet) => {
      void link.send(packet).catch(() => undefined);
    });
    link.packets$.subscribe({
      next: (batch) => {
        if (!faults.isSlow && this.incoming.underWay === 0) received.next(batch);
        else for (const packet of batch.packets) this.incoming.push(packet, batch.arrivedNs);
      },
      complete: () => {
        this.incoming.close();
        this.outgoing.close();
        received.complete();
      },
    });
  }

  /** A message that has to wait is on its way: as far as the firmware can tell, it was sent. */
  async send(packet: Uint8Array): Promise<void> {
    if (!this.parts.faults.isSlow && this.outgoing.underWay === 0) {
      await this.link.send(packet);
      return;
    }
    if (this.state.kind !== 'up') throw new BridgeError('LINK_DOWN', `${this.name} is not up`);
    this.outgoing.push(packet, this.parts.time.monotonicNs());
  }
}
