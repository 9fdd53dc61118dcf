import { resolve } from 'node:path';

const SERIAL = 'serial:';

/** A link as typed: a serial port may be named from where the user is, which a configuration cannot. */
export function fromHere(url: string, here = process.cwd()): string {
  if (!url.startsWith(SERIAL)) return url;
  const [path = '', ...options] = url.slice(SERIAL.length).split('?');
  return path === '' ? url : [`${SERIAL}${resolve(here, path)}`, ...options].join('?');
}
