import { type Observable, Subject, Subscription } from 'rxjs';
import type { Time } from '../../src/base/clock.js';
import type { PacketBatch, PacketLink } from '../../src/link/packet-link.js';
import type { Random } from '../random.js';
import { LinkWrapper } from '../wire/link-wrapper.js';
import type { MessageFaultCounters, MessageFaultState } from './fault-state.js';
import { LateAnswers } from './late-answers.js';
import type { MessageSpeech } from './speech.js';

/** What firmware that goes wrong is made of. */
export interface FaultyMessageParts {
  /** Looked at with every message: faults come and go while the link is up. */
  readonly faults: MessageFaultState;
  readonly speech: MessageSpeech;
  /** Seeded, the same messages fare the same way again. */
  readonly random: Random;
  readonly counters: MessageFaultCounters;
  readonly time: Time;
}

/** A link as firmware that goes wrong has it. */
export interface FaultyLink extends PacketLink {
  /** Lets go of the link below, which stays as it is; late answers are lost. */
  leave(): void;
}

/**
 * The device's end of a link, with faults of whole messages both ways: lost or repeated, requests that
 * stay unanswered or are refused unseen, answers that come late. Without faults messages pass as
 * they are.
 */
export function withMessageFaults(link: PacketLink, parts: FaultyMessageParts): FaultyLink {
  return new FaultyMessages(link, parts);
}

class FaultyMessages extends LinkWrapper implements FaultyLink {
  readonly packets$: Observable<PacketBatch>;
  private readonly late: LateAnswers;
  private readonly subscriptions = new Subscription();

  constructor(
    link: PacketLink,
    private readonly parts: FaultyMessageParts,
  ) {
    super(link);
    const incoming = new Subject<PacketBatch>();
    this.packets$ = incoming.asObservable();
    this.late = new LateAnswers(parts.time, (packet) => void this.link.send(packet).catch(() => undefined));
    this.subscriptions.add(
      link.packets$.subscribe({
        next: ({ arrivedNs, packets }) => {
          const left = packets.flatMap((packet) => this.receive(packet));
          if (left.length > 0) incoming.next({ arrivedNs, packets: left });
        },
        complete: () => incoming.complete(),
      }),
    );
    // Each state is another channel, or none.
    this.subscriptions.add(link.state$.subscribe(() => this.late.clear()));
  }

  leave(): void {
    this.subscriptions.unsubscribe();
    this.late.clear();
  }

  /** A message that is lost, or late, was sent as far as firmware can tell. */
  async send(packet: Uint8Array): Promise<void> {
    const { faults, counters, speech } = this.parts;
    if (this.happens(faults.lose)) {
      counters.messages_lost++;
      return;
    }
    if ((faults.lateNs > 0 || this.late.underWay) && speech.isAnswer(packet)) {
      if (this.late.push(packet, faults.lateNs)) counters.answers_late++;
      else counters.answers_overrun++;
      return;
    }
    if (this.happens(faults.repeat)) {
      counters.messages_repeated++;
      void this.link.send(packet).catch(() => undefined);
    }
    await this.link.send(packet);
  }

  /** What firmware gets of a message. */
  private receive(packet: Uint8Array): Uint8Array[] {
    const { faults, counters } = this.parts;
    if (this.happens(faults.lose)) {
      counters.messages_lost++;
      return [];
    }
    if (!this.happens(faults.repeat)) return this.pass(packet) ? [packet] : [];
    counters.messages_repeated++;
    return [packet, packet].filter((one) => this.pass(one));
  }

  /** Whether firmware gets to see it. */
  private pass(packet: Uint8Array): boolean {
    const { faults, counters, speech } = this.parts;
    if (faults.silent === 0 && faults.refuse === 0) return true;
    const refusal = speech.refusal(packet);
    if (refusal === undefined) return true;
    if (this.happens(faults.silent)) {
      counters.requests_unanswered++;
      return false;
    }
    if (!this.happens(faults.refuse)) return true;
    counters.requests_rejected++;
    void this.send(refusal).catch(() => undefined);
    return false;
  }

  private happens(probability: number): boolean {
    return probability > 0 && this.parts.random.unit() < probability;
  }
}
