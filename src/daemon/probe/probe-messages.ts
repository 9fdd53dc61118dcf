import { Subscription } from 'rxjs';
import { messageOf } from '../../base/errors.js';
import { timeouts } from '../../base/timeouts.js';
import { dialectOfService } from '../../driver/auto/dialect-finder.js';
import { questionOf, recogniseDialect } from '../../driver/auto/recognise.js';
import { openLink } from '../../link/open.js';
import type { PacketLink } from '../../link/packet-link.js';
import { decodeMessage } from '../../wire/virtio-msg/message.js';
import { describeBus } from './describe-bus.js';
import { type ProbeOptions, withoutName } from './probe.js';
import type { ProbeReport } from './report.js';
import { sayHello } from './say-hello.js';

/** Answers to a question have come after this; and the BUS_BOOT of firmware that says it by itself. */
const ANSWER_MS = 500;
const BOOT_MS = 150;
const MOST_STRANGERS = 64;
const HEAD_BYTES = 32;

/**
 * Opens such a channel and finds out what the other end speaks: by the name of the service first,
 * then by HELLO, then by reads in every other dialect. Never rejects.
 */
export async function probeMessages(url: string, options: ProbeOptions): Promise<ProbeReport> {
  const { time, random } = options;
  const link = openLink(url, { time, random });
  const heard = new HeardMessages(link);
  try {
    const problem = await opened(link, options);
    const finding: Finding =
      problem === undefined
        ? await converse(link, heard, options)
        : { verdict: 'unavailable', reason: withoutName(problem, link.name) };
    return {
      url: link.name,
      baud: null,
      reason: null,
      received: { bytes: heard.bytes, frames: heard.packets, head: heard.head },
      link: null,
      dialect: null,
      firmware: null,
      grabbers: [],
      ...finding,
    };
  } finally {
    heard.stop();
    await link.close();
  }
}

/** Resolves when the link is up, or with why it is not: a service may be waited for in vain. */
function opened(link: PacketLink, { time, limitMs }: ProbeOptions): Promise<string | undefined> {
  return new Promise((resolve) => {
    const subscription = new Subscription();
    const done = (problem: string | undefined): void => {
      time.clear(timer);
      subscription.unsubscribe();
      resolve(problem);
    };
    const timer = time.set(() => {
      const { state } = link;
      done(
        (state.kind === 'opening' ? state.reason : undefined) ?? 'it did not open within the time there is',
      );
    }, limitMs);
    subscription.add(
      link.state$.subscribe((state) => {
        if (state.kind !== 'opening') done(state.kind === 'down' ? state.reason : undefined);
      }),
    );
  });
}

type Finding = Pick<ProbeReport, 'verdict'> & Partial<ProbeReport>;

async function converse(link: PacketLink, heard: HeardMessages, options: ProbeOptions): Promise<Finding> {
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      options.time.set(resolve, ms);
    });
  const likely = dialectOfService(link.name);
  if (likely !== undefined) {
    await link.send(questionOf(likely, 0)).catch(() => {});
    await pause(ANSWER_MS);
    const dialect = recogniseDialect(heard.strangers);
    if (dialect !== undefined) return { verdict: 'answered', dialect };
  }
  await pause(BOOT_MS);
  if (options.hello) return greet(link, heard, options);
  return { verdict: heard.packets > 0 ? 'session' : 'silent' };
}

function greet(link: PacketLink, heard: HeardMessages, options: ProbeOptions): Promise<Finding> {
  const { time, random, limitMs, beforeReset } = options;
  const limits = timeouts();
  const knownBootId = heard.bootId ?? 0;
  if (knownBootId === 0) beforeReset();
  return new Promise((resolve) => {
    const finish = (finding: Finding): void => {
      time.clear(timer);
      hello.end();
      ends.unsubscribe();
      resolve(finding);
    };
    const judge = (otherwise?: Finding): void => {
      const dialect = recogniseDialect(heard.strangers);
      if (dialect !== undefined) finish({ verdict: 'answered', dialect });
      else if (otherwise !== undefined) finish(otherwise);
    };
    const timer = time.set(() => judge({ verdict: heard.packets > 0 ? 'no-hello' : 'silent' }), limitMs);
    const hello = sayHello({
      link,
      delivery: 'reliable',
      knownBootId,
      time,
      random,
      timeouts: limits,
      onQuestions: () => time.set(() => judge(), ANSWER_MS),
    });
    const ends = link.state$.subscribe((state) => {
      if (state.kind === 'down') setImmediate(() => finish({ verdict: 'unplugged', reason: state.reason }));
    });
    hello.answer
      .then((answer) => describeBus(hello, answer, knownBootId, { time, timeouts: limits }))
      .then(
        (firmware) => finish({ verdict: 'answered', dialect: 'virtio-msg', firmware }),
        (error: unknown) => finish({ verdict: 'no-hello', dialect: 'virtio-msg', reason: messageOf(error) }),
      );
  });
}

/** What came that is no virtio-msg message, the first of it. */
class HeardMessages {
  packets = 0;
  bytes = 0;
  /** The first bytes that came. */
  head: Uint8Array = new Uint8Array(0);
  bootId: number | undefined;
  readonly strangers: Uint8Array[] = [];
  readonly stop: () => void;

  constructor(link: PacketLink) {
    const subscription = link.packets$.subscribe(({ packets }) => {
      for (const packet of packets) this.take(packet);
    });
    this.stop = () => subscription.unsubscribe();
  }

  private take(packet: Uint8Array): void {
    if (this.packets++ === 0) this.head = packet.slice(0, HEAD_BYTES);
    this.bytes += packet.length;
    const message = decodeMessage(packet);
    if (message.type === 'boot') this.bootId = message.bootId;
    if (message.type === 'dropped' && this.strangers.length < MOST_STRANGERS) this.strangers.push(packet);
  }
}
