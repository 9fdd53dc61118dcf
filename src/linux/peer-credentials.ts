import type { Socket } from 'node:net';
import { checked } from './errno.js';
import { libc } from './libc.js';

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;

export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** Who is at the other end of a connected Unix socket. Throws a SystemCallError. */
export function peerCredentials(fd: number): PeerCredentials {
  const value = Buffer.alloc(12);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(value.length, 0);
  checked('getsockopt', libc().getsockopt(fd, SOL_SOCKET, SO_PEERCRED, value, length));
  return { pid: value.readInt32LE(0), uid: value.readUInt32LE(4), gid: value.readUInt32LE(8) };
}

/** The user at the other end of an accepted Unix socket; -1 when it is gone again already. */
export function peerUser(socket: Socket): number {
  // Node tells the descriptor of a socket nowhere else.
  const { _handle: handle } = socket as unknown as { readonly _handle?: { readonly fd?: number } | null };
  try {
    return peerCredentials(handle?.fd ?? -1).uid;
  } catch {
    return -1;
  }
}
