import type { Time } from '../../base/clock.js';
import { BridgeError } from '../../base/errors.js';
import type { Timeouts } from '../../base/timeouts.js';
import { HARMLESS_QUESTIONS } from '../../driver/auto/recognise.js';
import { Counters } from '../../driver/counters.js';
import { BUS_COUNTERS } from '../../driver/virtio-msg/bus-counters.js';
import { BusSession } from '../../driver/virtio-msg/bus-session.js';
import type { PacketLink } from '../../link/packet-link.js';
import type { HelloResponse } from '../../wire/virtio-msg/bus.js';
import type { VqUsed } from '../../wire/virtio-msg/queue.js';

export interface HelloOptions {
  readonly link: PacketLink;
  readonly delivery: 'reliable' | 'plain';
  readonly knownBootId: number;
  readonly time: Time;
  readonly random: () => number;
  readonly timeouts: Timeouts;
  /** HELLO stayed unanswered, and questions in other dialects are on their way. */
  readonly onQuestions: () => void;
}

/** A HELLO that is under way, or was answered. */
export interface Hello {
  readonly session: BusSession;
  readonly answer: Promise<HelloResponse>;
  /** Hands every VQ_USED to `take` from now on. */
  onUsed(take: (message: VqUsed) => void): void;
  end(): void;
}

/** Says HELLO until it is answered or {@link Hello.end}; asks in other dialects when the first is not. */
export function sayHello({ link, delivery, knownBootId, onQuestions, ...common }: HelloOptions): Hello {
  let settle: (answer: HelloResponse) => void;
  const answer = new Promise<HelloResponse>((resolve) => {
    settle = resolve;
  });
  let takeUsed: (message: VqUsed) => void = () => undefined;
  const session: BusSession = new BusSession({
    ...common,
    name: link.name,
    link,
    delivery,
    counters: new Counters(BUS_COUNTERS),
    listener: {
      established: (hello) => settle(hello),
      unanswered: (hellos) => {
        if (hellos > 1) return;
        askOthers(link);
        onQuestions();
      },
      booted: () => undefined,
      used: (message) => takeUsed(message),
      brokenUsed: () => undefined,
      configChanged: () => undefined,
      deviceChanged: () => undefined,
      logged: () => undefined,
      refused: () => undefined,
    },
  });
  const packets = link.packets$.subscribe(({ packets }) => {
    for (const packet of packets) session.receive(packet);
  });
  session.start(knownBootId);
  return {
    session,
    answer,
    onUsed: (take) => {
      takeUsed = take;
    },
    end: () => {
      packets.unsubscribe();
      session.end(new BridgeError('CLOSED', 'the probe is over'));
    },
  };
}

function askOthers(link: PacketLink): void {
  for (const question of HARMLESS_QUESTIONS) {
    // The link went down, which its state tells.
    link.send(question).catch(() => undefined);
  }
}
