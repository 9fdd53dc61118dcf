import { existsSync } from 'node:fs';
import type { Time } from '../../base/clock.js';
import { type BridgeError, messageOf, toBridgeError } from '../../base/errors.js';
import { timeouts } from '../../base/timeouts.js';
import { recogniseDialect, recogniseUnframed } from '../../driver/auto/recognise.js';
import type { StreamEnd } from '../../link/byte-stream.js';
import { linkName, openByteStream } from '../../link/open.js';
import { DEFAULT_BAUD, type StreamUrl } from '../../link/url.js';
import { portGrabbers } from '../../linux/port-grabbers.js';
import { Conversation } from './conversation.js';
import { Heard } from './heard.js';
import { guessNoise } from './noise.js';
import type { ProbeReport, Verdict } from './report.js';
import { TappedStream } from './tapped-stream.js';

export interface ProbeOptions {
  readonly time: Time;
  /** As Math.random. */
  readonly random: () => number;
  /** How long to try, milliseconds. */
  readonly limitMs: number;
  /** False: nothing that runs on the coprocessor is disturbed, and less is learnt. */
  readonly hello: boolean;
  /** Talk to a port on which text came, too. */
  readonly anyway: boolean;
  /** HELLO is about to be said without the boot_id of the firmware, so that its lines are reset. */
  readonly beforeReset: () => void;
}

/** A device without a session says RST every half second; this hears it. */
const LISTEN_MS = 700;
/** Of the time there is, at most this part is for listening; and this, where text comes. */
const LISTEN_SHARE = 0.3;
const CONSOLE_SHARE = 0.6;
const HEAD_BYTES = 32;

/**
 * Opens a port, listens before it sends anything, then opens a session of the serial link and says
 * HELLO, and tells what it found. Never rejects; ends soon after `limitMs` at the latest.
 */
export async function probe(url: StreamUrl, options: ProbeOptions): Promise<ProbeReport> {
  const heard = new Heard();
  const report = (verdict: Verdict, rest: Partial<ProbeReport> = {}): ProbeReport => ({
    url: linkName(url),
    baud: url.kind === 'serial' ? (url.baud ?? DEFAULT_BAUD) : null,
    verdict,
    reason: null,
    received: { bytes: heard.bytes, frames: heard.frames, head: heard.head.slice(0, HEAD_BYTES) },
    link: null,
    dialect: null,
    firmware: null,
    grabbers: url.kind === 'serial' ? portGrabbers() : [],
    ...rest,
  });
  let stream: TappedStream;
  try {
    stream = new TappedStream(await openByteStream(url, options), heard);
  } catch (thrown) {
    const error = toBridgeError(thrown, 'IO_ERROR');
    return report(whyNotOpen(error, url), { reason: withoutName(error.message, linkName(url)) });
  }
  try {
    const { limitMs, time } = options;
    let listenMs = Math.min(LISTEN_MS, limitMs * LISTEN_SHARE);
    let end = await listen(stream, listenMs, time);
    if (end === undefined && !options.anyway && isConsole(heard)) {
      // A boot loader's, maybe: firmware that comes up after it says RST.
      const moreMs = limitMs * CONSOLE_SHARE - listenMs;
      end = await listen(stream, moreMs, time, () => heard.frames > 0);
      if (end === undefined && heard.frames === 0) return report('console');
      listenMs += moreMs;
    }
    if (end !== undefined) return report(...whyEnded(end));
    return await talk(url, stream, heard, { ...options, limitMs: limitMs - listenMs }, report);
  } finally {
    await stream.close();
  }
}

type Reporter = (verdict: Verdict, rest?: Partial<ProbeReport>) => ProbeReport;

async function talk(
  url: StreamUrl,
  stream: TappedStream,
  heard: Heard,
  options: ProbeOptions,
  report: Reporter,
): Promise<ProbeReport> {
  const conversation = new Conversation(url, stream, heard, { ...options, timeouts: timeouts() });
  try {
    const outcome = await conversation.run();
    const { link } = conversation;
    switch (outcome.kind) {
      case 'answered':
        return report('answered', { link, dialect: 'virtio-msg', firmware: outcome.firmware });
      case 'down':
        return report(...whyEnded(outcome.end));
      case 'broken':
        return report('no-hello', { link, dialect: 'virtio-msg', reason: messageOf(outcome.error) });
      case 'echo':
        return report('echo');
      case 'session':
        return report('session', { link });
      case 'nothing':
        return whatCame(heard, (verdict, rest) => report(verdict, { link, ...rest }));
    }
  } finally {
    await conversation.close();
  }
}

/** When the time is up and no HELLO was answered. */
function whatCame(heard: Heard, report: Reporter): ProbeReport {
  const dialect = recogniseDialect(heard.strangers);
  if (dialect !== undefined) return report('answered', { dialect });
  if (heard.frames > 0) return report('no-hello');
  if (heard.bytes === 0) return report('silent');
  const unframed = recogniseUnframed(heard.head);
  if (unframed !== undefined) return report('other-dialect', { dialect: unframed });
  return report(guessNoise(heard.head));
}

function isConsole(heard: Heard): boolean {
  return heard.bytes > 0 && heard.frames === 0 && guessNoise(heard.head) === 'console';
}

/** Hears what comes by itself, until the time is up or `enough`; with the end, when the port goes away. */
function listen(
  stream: TappedStream,
  limitMs: number,
  time: Time,
  enough: () => boolean = () => false,
): Promise<StreamEnd | undefined> {
  return new Promise((resolve) => {
    const done = (end: StreamEnd | undefined): void => {
      time.clear(timer);
      data.unsubscribe();
      ends?.unsubscribe();
      resolve(end);
    };
    const timer = time.set(() => done(undefined), limitMs);
    const data = stream.data$.subscribe(() => {
      if (enough()) setImmediate(() => done(undefined));
    });
    const ends = stream.end$.subscribe((end) => setImmediate(() => done(end)));
  });
}

function whyEnded({ cause, reason }: StreamEnd): [Verdict, Partial<ProbeReport>] {
  return [cause === 'gone' ? 'unplugged' : 'failed', { reason }];
}

function whyNotOpen(error: BridgeError, url: StreamUrl): Verdict {
  if (error.name === 'BUSY') return 'taken';
  if (error.name === 'PERMISSION_DENIED') return 'not-permitted';
  if (error.name === 'INVALID_ARGUMENT') return 'not-a-port';
  return url.kind !== 'tcp' && !existsSync(url.path) ? 'missing' : 'unavailable';
}

/** Messages of a link begin with its name, which the report has already. */
export function withoutName(message: string, name: string): string {
  return message.startsWith(`${name}: `) ? message.slice(name.length + 2) : message;
}
