import { describe, expect, it } from 'vitest';
import { clientPlaces, daemonRuntimeDir, runtimeLayout } from './runtime-dir.js';

const ALL = {
  GPIOBRIDGE_RUNTIME_DIR: '/env',
  RUNTIME_DIRECTORY: '/systemd:/other',
  XDG_RUNTIME_DIR: '/run/user/7',
};

describe('runtime directory', () => {
  it('is the first named one for a daemon', () => {
    expect(daemonRuntimeDir('/opt', { env: ALL, uid: 0 }).dir).toBe('/opt');
    expect(daemonRuntimeDir(undefined, { env: ALL, uid: 0 }).dir).toBe('/env');
    const systemd = { RUNTIME_DIRECTORY: '/systemd:/other', XDG_RUNTIME_DIR: '/x' };
    expect(daemonRuntimeDir(undefined, { env: systemd, uid: 0 }).dir).toBe('/systemd');
    expect(daemonRuntimeDir(undefined, { env: { XDG_RUNTIME_DIR: '/x' }, uid: 0 }).dir).toBe(
      '/run/gpiobridge',
    );
    expect(daemonRuntimeDir(undefined, { env: { XDG_RUNTIME_DIR: '/x' }, uid: 7 }).dir).toBe('/x/gpiobridge');
  });

  it('says what to set when none is named, and takes empty for unset', () => {
    const env = { GPIOBRIDGE_RUNTIME_DIR: '', XDG_RUNTIME_DIR: '' };
    expect(() => daemonRuntimeDir(undefined, { env, uid: 7 })).toThrow(
      /--runtime-dir or GPIOBRIDGE_RUNTIME_DIR/,
    );
  });

  it('lets a client try the usual places, the system daemon last', () => {
    const env = { RUNTIME_DIRECTORY: '/systemd', XDG_RUNTIME_DIR: '/x' };
    expect(clientPlaces(undefined, { env, uid: 7 }).map((place) => place.dir)).toEqual([
      '/systemd',
      '/x/gpiobridge',
      '/run/gpiobridge',
    ]);
    expect(clientPlaces(undefined, { env, uid: 0 }).map((place) => place.dir)).toEqual([
      '/systemd',
      '/run/gpiobridge',
      '/x/gpiobridge',
    ]);
  });

  it('lets a client try nothing but a place named on purpose', () => {
    expect(clientPlaces('/opt', { env: ALL, uid: 7 }).map((place) => place.dir)).toEqual(['/opt']);
    expect(clientPlaces(undefined, { env: ALL, uid: 7 }).map((place) => place.dir)).toEqual(['/env']);
  });

  it('keeps everything but chips out of the folder of chips', () => {
    const layout = runtimeLayout('/r');
    for (const path of [layout.control, layout.pidFile, layout.bootIds]) {
      expect(path.startsWith(`${layout.chips}/`)).toBe(false);
    }
  });
});
