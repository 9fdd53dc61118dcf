import { BridgeError } from '../src/base/errors.js';
import type { ListenAddress } from '../src/link/streams/listen.js';

const USAGE = 'write pty:PATH, unix:PATH or tcp:HOST:PORT';
/** sun_path with its terminator. */
const MAX_SOCKET_PATH = 107;

/** Parses `pty:PATH`, `unix:PATH` or `tcp:HOST:PORT` (`tcp:[::1]:4000`; port 0: any); throws INVALID_ARGUMENT. */
export function parseListenAddress(text: string): ListenAddress {
  const bad = (why: string) => new BridgeError('INVALID_ARGUMENT', `cannot listen on '${text}': ${why}`);
  const colon = text.indexOf(':');
  const kind = colon < 0 ? text : text.slice(0, colon);
  const rest = colon < 0 ? '' : text.slice(colon + 1);
  switch (kind) {
    case 'pty':
    case 'unix':
      if (rest === '') throw bad(`there is no path: ${USAGE}`);
      if (kind === 'unix' && Buffer.byteLength(rest) > MAX_SOCKET_PATH) {
        throw bad(`a socket's path has at most ${MAX_SOCKET_PATH} bytes`);
      }
      return { kind, path: rest };
    case 'tcp': {
      const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/i.exec(rest);
      const port = match === null ? Number.NaN : Number(match[3]);
      if (match === null || port > 65_535) throw bad('write tcp:HOST:PORT, as tcp:127.0.0.1:4000');
      return { kind: 'tcp', host: (match[1] ?? match[2])!, port };
    }
    default:
      throw bad(`'${kind}' is nothing to listen on: ${USAGE}`);
  }
}
