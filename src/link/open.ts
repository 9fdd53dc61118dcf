import type { Time } from '../base/clock.js';
import type { Timeouts } from '../base/timeouts.js';
import { timeouts } from '../base/timeouts.js';
import type { ByteStream } from './byte-stream.js';
import type { LinkObserver } from './link-observer.js';
import type { Listener } from './listener.js';
import { MessageLink, type OpenEndpoint } from './messages/message-link.js';
import { openSeqpacket } from './messages/seqpacket.js';
import { listenSeqpacket } from './messages/seqpacket-listener.js';
import type { PacketLink } from './packet-link.js';
import { rpmsgDeviceOpener } from './rpmsg/open-device.js';
import { rpmsgServiceOpener } from './rpmsg/open-rpmsg.js';
import { type RpmsgPlaces, systemPlaces } from './rpmsg/places.js';
import type { RpmsgOptions } from './rpmsg/rpmsg-endpoint.js';
import { RpmsgPast } from './rpmsg/rpmsg-past.js';
import { SerialLink } from './serial/serial-link.js';
import { listenOn } from './streams/listen.js';
import { connectSocket } from './streams/socket.js';
import { openTty } from './streams/tty-stream.js';
import {
  isMessageUrl,
  type LinkUrl,
  type MessageUrl,
  parseLinkUrl,
  parseListenUrl,
  type StreamUrl,
} from './url.js';

export interface OpenOptions {
  readonly time: Time;
  /** As Math.random. */
  readonly random: () => number;
  readonly timeouts?: Partial<Timeouts>;
  /** See SerialLinkOptions: needed for `mode=auto` to find a device that speaks PLAIN only when asked. */
  readonly plainProbe?: () => Uint8Array;
  /** Is told of every frame; for traces. */
  readonly observer?: LinkObserver;
  /** Where rpmsg's devices are; this machine's unless given. */
  readonly rpmsg?: RpmsgPlaces;
  /** What earlier openings of an rpmsg link have learned, and this one adds to; nothing unless given. */
  readonly rpmsgPast?: RpmsgPast;
}

/**
 * Opens the driver's end of a link. Throws INVALID_ARGUMENT or NOT_SUPPORTED for the URL alone; the
 * link starts in `opening`, and goes `down` with the reason when the port cannot be opened.
 */
export function openLink(url: string, options: OpenOptions): PacketLink {
  const parsed = parseLinkUrl(url);
  const name = linkName(parsed);
  if (isMessageUrl(parsed))
    return new MessageLink(name, opener(name, parsed, options), commonOptions(options));
  const { plainProbe } = options;
  return new SerialLink(name, openByteStream(parsed, options), {
    ...commonOptions(options),
    mode: parsed.mode,
    random: options.random,
    ...(plainProbe === undefined ? {} : { plainProbe }),
  });
}

function opener(name: string, url: MessageUrl, options: OpenOptions): OpenEndpoint {
  switch (url.kind) {
    case 'seqpacket':
      return () => openSeqpacket(name, url.path);
    case 'rpmsg':
      return rpmsgDeviceOpener(name, url.path, rpmsgOptions(options));
    case 'rpmsg-service':
      return rpmsgServiceOpener(name, url, rpmsgOptions(options));
  }
}

function rpmsgOptions({ time, random, timeouts: limits, rpmsg, rpmsgPast }: OpenOptions): RpmsgOptions {
  const places = rpmsg ?? systemPlaces;
  return { time, random, timeouts: timeouts(limits), places, past: rpmsgPast ?? new RpmsgPast() };
}

function commonOptions({ time, observer, timeouts: limits = {} }: OpenOptions) {
  return { role: 'driver', time, timeouts: limits, ...(observer === undefined ? {} : { observer }) } as const;
}

/** Listens for drivers, at a `pty:`, `unix:`, `tcp:` or `seqpacket:` URL: the simulator's side. */
export async function listen(url: string, time: Time): Promise<Listener> {
  const parsed = parseListenUrl(url);
  return parsed.kind === 'seqpacket' ? listenSeqpacket(parsed.path, time) : listenOn(parsed, time);
}

/** Opens what is below a serial link, alone. Rejects in one line with the remedy: see openTty and connectSocket. */
export function openByteStream(
  url: StreamUrl,
  options: Pick<OpenOptions, 'time' | 'timeouts'>,
): Promise<ByteStream> {
  const name = linkName(url);
  if (url.kind === 'serial') return openTty(name, url, options.time);
  return connectSocket(name, url, { time: options.time, connectMs: timeouts(options.timeouts).connect });
}

/** The URL without its options. */
export function linkName(url: LinkUrl): string {
  switch (url.kind) {
    case 'tcp':
      return `tcp:${url.host}:${url.port}`;
    case 'rpmsg-service':
      return `rpmsg:${url.service}`;
    default:
      return `${url.kind}:${url.path}`;
  }
}
