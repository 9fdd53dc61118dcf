import { readFileSync, realpathSync, statSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { LinkUrl } from '../../link/url.js';
import type { ClientOptions } from '../options.js';

/** A daemon of ours that has the port. */
export interface DaemonHolder {
  readonly pid: number;
  /** Its name for the coprocessor, where it could be asked. */
  readonly coprocessor: string | null;
}

/**
 * The daemon that has this port, if one does: as the daemon says that answers here, else as /proc
 * shows. Asked before the port is opened, because opening it would raise DTR.
 */
export async function daemonHolder(url: LinkUrl, options: ClientOptions): Promise<DaemonHolder | undefined> {
  return (await daemonThatSays(url, options)) ?? (await daemonByProcess(url));
}

async function daemonThatSays(url: LinkUrl, options: ClientOptions): Promise<DaemonHolder | undefined> {
  const [{ withDaemon }, { parseLinkUrl }] = await Promise.all([
    import('../connection.js'),
    import('../../link/url.js'),
  ]);
  try {
    const { pid, coprocessors } = await withDaemon(options, (daemon) => daemon.status());
    const holder = coprocessors.find(
      ({ link, linkState }) =>
        (linkState === 'opening' || linkState === 'up') && sameEnd(parseLinkUrl(link), url),
    );
    return holder === undefined ? undefined : { pid, coprocessor: holder.name };
  } catch {
    // No daemon, or one that this user may not ask.
    return undefined;
  }
}

async function daemonByProcess(url: LinkUrl): Promise<DaemonHolder | undefined> {
  if (url.kind !== 'serial' || !mayBePort(url.path)) return undefined;
  const { portHolders } = await import('../../linux/port-holder.js');
  const holder = portHolders(url.path).find(({ pid }) => isDaemon(pid));
  return holder === undefined ? undefined : { pid: holder.pid, coprocessor: null };
}

/** Every process has /dev/null and its like open (major 1), and some have their terminal (major 5). */
function mayBePort(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isCharacterDevice() === true && ![1, 5].includes(Math.floor(stat.rdev / 256) & 0xfff);
}

/** `node .../gpiobridge daemon`, or its file in the package. */
function isDaemon(pid: number): boolean {
  try {
    const [, program, subcommand] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return subcommand === 'daemon' && /(^|\/)(gpiobridge|cli\/main\.js)$/.test(program ?? '');
  } catch {
    return false;
  }
}

function sameEnd(a: LinkUrl, b: LinkUrl): boolean {
  if (a.kind === 'tcp' || b.kind === 'tcp') {
    return (
      a.kind === b.kind && a.kind === 'tcp' && b.kind === 'tcp' && a.host === b.host && a.port === b.port
    );
  }
  if (a.kind === 'rpmsg-service' || b.kind === 'rpmsg-service') {
    return a.kind === b.kind && isDeepStrictEqual(a, b);
  }
  return a.kind === b.kind && real(a.path) === real(b.path);
}

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
