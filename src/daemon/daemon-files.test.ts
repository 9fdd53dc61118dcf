import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backOff, FIRST_ATTEMPT } from './back-off.js';
import { BootIds } from './boot-ids.js';
import { PidLock } from './pid-lock.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'gb-files-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('PidLock', () => {
  it('lets one in, naming it to the next, and the next in after it', () => {
    const path = join(dir, 'daemon.pid');
    const lock = PidLock.take(path);
    expect(readFileSync(path, 'utf8')).toBe(`${process.pid}\n`);
    expect(() => PidLock.take(path)).toThrow(`pid ${process.pid}`);
    expect(() => PidLock.take(path)).toThrow(expect.objectContaining({ name: 'DAEMON_RUNNING' }));
    lock.release();
    PidLock.take(path).release();
  });

  it('does not believe a file that was left behind, whatever is in it', () => {
    const path = join(dir, 'daemon.pid');
    // Process 1 lives: a check of the pid alone would refuse.
    writeFileSync(path, '1\n and more that has to go');
    const lock = PidLock.take(path);
    expect(readFileSync(path, 'utf8')).toBe(`${process.pid}\n`);
    lock.release();
  });
});

describe('BootIds', () => {
  it('come back after a restart, for nobody else to read', () => {
    const path = join(dir, 'boot-ids');
    const ids = new BootIds(path, (error) => {
      throw error;
    });
    ids.set('hub', 7);
    ids.set('mcu', 0xffff_ffff);
    ids.set('hub', 8);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const again = new BootIds(path, () => {});
    expect([again.get('hub'), again.get('mcu'), again.get('other')]).toEqual([8, 0xffff_ffff, undefined]);
    again.set('hub', undefined);
    expect(new BootIds(path, () => {}).get('hub')).toBeUndefined();
  });

  it('know nothing from a damaged file, and say when they cannot be written', () => {
    const path = join(dir, 'boot-ids');
    writeFileSync(path, 'hub\nmcu -1\nx 0\ny 99999999999\nok 5\n\u0000');
    const errors: unknown[] = [];
    const ids = new BootIds(path, (error) => errors.push(error));
    expect(['hub', 'mcu', 'x', 'y', 'ok'].map((name) => ids.get(name))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      5,
    ]);
    rmSync(dir, { recursive: true });
    ids.set('hub', 1);
    expect(errors).toHaveLength(1);
    expect(ids.get('hub')).toBe(1);
  });
});

describe('backOff', () => {
  it('doubles between its bounds, with jitter, for ever', () => {
    const bounds = { minMs: 100, maxMs: 5_000 };
    let state = FIRST_ATTEMPT;
    const pauses: number[] = [];
    for (let i = 0; i < 2_000; i++) {
      const { pauseMs, next } = backOff(state, bounds, 1);
      pauses.push(pauseMs);
      state = next;
    }
    expect(pauses.slice(0, 8)).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
    expect(pauses.at(-1)).toBe(5_000);
    expect(backOff(3, bounds, 0).pauseMs).toBe(400);
    expect(backOff(0, bounds, 0).pauseMs).toBe(100);
  });
});
