import { ERRNO, SystemCallError } from './errno.js';

export const AF_UNIX = 1;

/** sun_family, and sun_path with its 108 bytes. */
const FAMILY_BYTES = 2;
const PATH_BYTES = 108;

/**
 * struct sockaddr_un of a path, or of `@name` in the abstract namespace; as long as it has to be, since
 * in an abstract name every byte counts. Throws a SystemCallError for a name that is too long.
 */
export function unixAddress(name: string): Buffer {
  const abstract = name.startsWith('@');
  const path = Buffer.from(abstract ? `\0${name.slice(1)}` : `${name}\0`);
  if (path.length > PATH_BYTES) throw new SystemCallError('sockaddr', ERRNO.ENAMETOOLONG);
  const bytes = Buffer.alloc(FAMILY_BYTES + path.length);
  // In the machine's byte order: koffi has packages for little-endian ones only.
  bytes.writeUInt16LE(AF_UNIX, 0);
  path.copy(bytes, FAMILY_BYTES);
  return bytes;
}
