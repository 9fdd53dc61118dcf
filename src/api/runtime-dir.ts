import { join } from 'node:path';
import { BridgeError } from '../base/errors.js';

/**
 * Where a daemon's sockets are. The names in a runtime directory (docs/api.md, "Where the sockets are"):
 *
 *     chips/NAME   one socket for each chip, nothing else
 *     control      the control socket
 *     daemon.pid   pid of the daemon, locked while it runs
 *     boot-ids     the last boot_id of each coprocessor, 0600
 *     exports      what is kept of virtual machines, 0700
 */
export interface RuntimeLayout {
  readonly dir: string;
  readonly chips: string;
  readonly control: string;
  readonly pidFile: string;
  readonly bootIds: string;
  readonly exports: string;
}

/** The paths inside a runtime directory. */
export function runtimeLayout(dir: string): RuntimeLayout {
  return {
    dir,
    chips: join(dir, 'chips'),
    control: join(dir, 'control'),
    pidFile: join(dir, 'daemon.pid'),
    bootIds: join(dir, 'boot-ids'),
    exports: join(dir, 'exports'),
  };
}

/** The socket of a chip. */
export function chipSocket(layout: RuntimeLayout, chip: string): string {
  return join(layout.chips, chip);
}

/** What the choice of a runtime directory depends on. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Effective user id. */
  readonly uid: number;
}

/** A place that may be a runtime directory, and who named it. */
export interface Place {
  readonly dir: string;
  /** For messages: `--runtime-dir`, `GPIOBRIDGE_RUNTIME_DIR`, ... */
  readonly source: string;
}

const SYSTEM_DIR = '/run/gpiobridge';

/** Longest path of a Unix socket (sun_path without its final NUL). */
export const MAX_SOCKET_PATH = 107;

/** The surroundings of this process. */
export function processSurroundings(): Surroundings {
  return { env: process.env, uid: process.geteuid?.() ?? -1 };
}

/**
 * The runtime directory for a daemon: the first of --runtime-dir, GPIOBRIDGE_RUNTIME_DIR,
 * RUNTIME_DIRECTORY, /run/gpiobridge if root, $XDG_RUNTIME_DIR/gpiobridge.
 * Throws INVALID_ARGUMENT, saying which to set, when there is none.
 */
export function daemonRuntimeDir(option: string | undefined, surroundings: Surroundings): Place {
  const first = ownPlaces(option, surroundings)[0];
  if (first !== undefined) return first;
  throw new BridgeError(
    'INVALID_ARGUMENT',
    'no runtime directory: set --runtime-dir or GPIOBRIDGE_RUNTIME_DIR (systemd sets RUNTIME_DIRECTORY, ' +
      'a login session sets XDG_RUNTIME_DIR)',
  );
}

/**
 * The places where a client looks for a daemon, in order. A place that was named on purpose
 * (--runtime-dir or GPIOBRIDGE_RUNTIME_DIR) is the only one: commands meant for that daemon must
 * not reach another one's lines.
 */
export function clientPlaces(option: string | undefined, surroundings: Surroundings): readonly Place[] {
  const places = ownPlaces(option, surroundings);
  const named = places[0];
  if (
    named !== undefined &&
    (named.source === '--runtime-dir' || named.source === 'GPIOBRIDGE_RUNTIME_DIR')
  ) {
    return [named];
  }
  if (places.some((place) => place.dir === SYSTEM_DIR)) return places;
  return [...places, { dir: SYSTEM_DIR, source: 'the system daemon' }];
}

function ownPlaces(option: string | undefined, { env, uid }: Surroundings): readonly Place[] {
  const places: Place[] = [];
  const add = (dir: string | undefined, source: string) => {
    if (dir !== undefined && dir !== '') places.push({ dir, source });
  };
  add(option, '--runtime-dir');
  add(env.GPIOBRIDGE_RUNTIME_DIR, 'GPIOBRIDGE_RUNTIME_DIR');
  // systemd lists several directories with colons; the first one is ours.
  add(env.RUNTIME_DIRECTORY?.split(':')[0], 'RUNTIME_DIRECTORY');
  if (uid === 0) add(SYSTEM_DIR, 'root');
  if (env.XDG_RUNTIME_DIR) add(join(env.XDG_RUNTIME_DIR, 'gpiobridge'), 'XDG_RUNTIME_DIR');
  return places;
}
