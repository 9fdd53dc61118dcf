import { closeSync } from 'node:fs';
import type { Time } from '../../base/clock.js';
import { BridgeError } from '../../base/errors.js';
import { connectSeqpacket, seqpacketPair } from '../../linux/seqpacket.js';
import type { MessageEndpoint } from './message-endpoint.js';
import { MessageLink, type MessageLinkOptions, RPMSG_MAX_PACKET } from './message-link.js';

/**
 * Connects to a SOCK_SEQPACKET socket, which carries one message a packet exactly as an rpmsg endpoint
 * does: the stand-in for one between processes, without a kernel's. Rejects with IO_ERROR or
 * PERMISSION_DENIED, in one line with the remedy.
 */
export async function openSeqpacket(name: string, path: string): Promise<MessageEndpoint> {
  try {
    return seqpacketEndpoint(connectSeqpacket(path), true);
  } catch (error) {
    throw refusal(name, path, error as NodeJS.ErrnoException);
  }
}

/** One end of a connection; closing it closes `fd`. */
export function seqpacketEndpoint(fd: number, renewable = false): MessageEndpoint {
  return {
    fd,
    maxPacket: RPMSG_MAX_PACKET,
    renewable,
    explainEnd: (error) =>
      error === undefined || error.code === 'EPIPE' || error.code === 'ECONNRESET'
        ? 'the other end closed the connection'
        : `the connection broke: ${error.message}`,
    close: () => closeSync(fd),
  };
}

/**
 * Two ends of an rpmsg-like channel inside this process, the driver's and the device's: real sockets, so
 * that it fills up, breaks and polls as one. Throws a SystemCallError.
 */
export function seqpacketLinkPair(
  time: Time,
  options: Partial<MessageLinkOptions> = {},
): [driver: MessageLink, device: MessageLink] {
  const [first, second] = seqpacketPair();
  const driver = { ...options, time, role: 'driver' } as const;
  const device = { ...options, time, role: 'device' } as const;
  return [
    new MessageLink('seqpacket:driver', seqpacketEndpoint(first), driver),
    new MessageLink('seqpacket:device', seqpacketEndpoint(second), device),
  ];
}

function refusal(name: string, path: string, error: NodeJS.ErrnoException): BridgeError {
  const failed = (why: string) => new BridgeError('IO_ERROR', `${name}: ${why}`, { cause: error });
  switch (error.code) {
    case 'ENOENT':
      return failed(`there is no socket ${path}: start the other end first`);
    case 'ECONNREFUSED':
      return failed(`nobody listens on ${path}: start the other end first`);
    case 'EAGAIN':
      return failed(`too many wait for ${path} already: its listener does not accept them`);
    case 'EPROTOTYPE':
      return failed(`${path} is a socket of another kind: is it unix:${path}?`);
    case 'ENOTSOCK':
      return failed(`${path} is not a socket`);
    case 'EACCES':
    case 'EPERM': {
      const message = `${name}: connecting needs write permission on ${path}`;
      return new BridgeError('PERMISSION_DENIED', message, { cause: error });
    }
    default:
      return failed(error.message);
  }
}
