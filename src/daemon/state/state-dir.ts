import type { Place, Surroundings } from '../../api/runtime-dir.js';

const SYSTEM_STATE_DIR = '/var/lib/gpiobridge';
const SYSTEM_RUNTIME_DIR = '/run/gpiobridge';

/**
 * Where a daemon keeps what outlives it: the first of --state-dir, GPIOBRIDGE_STATE_DIR and
 * STATE_DIRECTORY, else /var/lib/gpiobridge for the daemon of the system (on /run/gpiobridge).
 * Undefined for any other daemon: its chips are not the system's, and nobody said where they may be kept.
 */
export function daemonStateDir(
  option: string | undefined,
  runtimeDir: string,
  { env }: Surroundings,
): Place | undefined {
  const places: readonly (readonly [dir: string | undefined, source: string])[] = [
    [option, '--state-dir'],
    [env.GPIOBRIDGE_STATE_DIR, 'GPIOBRIDGE_STATE_DIR'],
    // systemd lists several directories with colons; the first one is ours.
    [env.STATE_DIRECTORY?.split(':')[0], 'STATE_DIRECTORY'],
    [runtimeDir === SYSTEM_RUNTIME_DIR ? SYSTEM_STATE_DIR : undefined, 'the system daemon'],
  ];
  for (const [dir, source] of places) if (dir !== undefined && dir !== '') return { dir, source };
  return undefined;
}
