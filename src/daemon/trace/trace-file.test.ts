import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeTimers } from '../../base/clock.js';
import { TraceFile, type TraceFileOptions } from './trace-file.js';

const LENGTH = 1000;

let folder: string;
let path: string;
const failures: Error[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gb-'));
  path = join(folder, 'trace');
  failures.length = 0;
});

afterEach(() => rmSync(folder, { recursive: true }));

function open(options: Partial<TraceFileOptions> = {}): Promise<TraceFile> {
  return TraceFile.open({
    path,
    maxBytes: 1 << 30,
    maxFiles: 3,
    head: (part) => Buffer.from(`part ${part}\n`),
    timers: nodeTimers,
    failed: (error) => failures.push(error),
    ...options,
  });
}

/** A record of {@link LENGTH} bytes that says its number; false where there was no room. */
function put(file: TraceFile, number: number): boolean {
  const at = file.space(LENGTH);
  if (at >= 0) file.buffer.write(`${number}\n`.padStart(LENGTH), at, 'latin1');
  return at >= 0;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a trace file', () => {
  it('holds everything in order, and rotates within its bounds', async () => {
    const maxBytes = 150_000;
    const file = await open({ maxBytes, maxFiles: 100 });
    for (let number = 0; number < 1_000; number++) {
      expect(put(file, number)).toBe(true);
      if (number % 50 === 0) await turn();
    }
    await file.close();
    const names = readdirSync(folder);
    expect(names.length).toBeGreaterThan(5);
    const newestFirst = names.map((_, age) => (age === 0 ? path : `${path}.${age}`));
    const texts = newestFirst.reverse().map((name) => readFileSync(name, 'latin1'));
    texts.forEach((text, i) => {
      expect(text.startsWith(`part ${i + 1}\n`)).toBe(true);
      expect(text.length).toBeLessThanOrEqual(maxBytes);
    });
    const numbers = texts.flatMap((text) => text.split('\n').slice(1, -1).map(Number));
    expect(numbers).toEqual(Array.from({ length: 1_000 }, (_, i) => i));
    expect(failures).toEqual([]);
  });

  it('keeps no more files than it may', async () => {
    const file = await open({ maxBytes: 70_000, maxFiles: 3 });
    for (let number = 0; number < 1_000; number++) {
      put(file, number);
      if (number % 50 === 0) await turn();
    }
    await file.close();
    expect(readdirSync(folder).sort()).toEqual(['trace', 'trace.1', 'trace.2']);
    const written = statSync(path).size + statSync(`${path}.1`).size + statSync(`${path}.2`).size;
    expect(written).toBeLessThanOrEqual(3 * 70_000);
  });

  it('is kept when another is begun', async () => {
    writeFileSync(path, 'an older trace');
    await (await open()).close();
    expect(readFileSync(`${path}.1`, 'latin1')).toBe('an older trace');
    expect(readFileSync(path, 'latin1')).toBe('part 1\n');
  });

  it('refuses records while the disk is behind, counts them, and goes on', async () => {
    const file = await open();
    let taken = 0;
    // Nothing is written before this turn is over.
    while (put(file, taken)) taken++;
    expect(taken * LENGTH).toBeGreaterThan(1 << 20);
    expect(taken * LENGTH).toBeLessThan(1 << 23);
    expect(put(file, 0)).toBe(false);
    expect(file.refused).toBe(2);
    while (!put(file, taken)) await turn();
    await file.close();
    expect(readFileSync(path, 'latin1').split('\n')).toHaveLength(taken + 3);
    expect(failures).toEqual([]);
  });

  it('stops once on a full disk, and takes no harm of it', async () => {
    const file = await open({ path: '/dev/full' });
    while (file.isOpen) await turn();
    expect(put(file, 1)).toBe(false);
    expect(put(file, 2)).toBe(false);
    expect(file.refused).toBe(2);
    await file.close();
    expect(failures).toHaveLength(1);
    expect(failures[0]!.message).toContain('ENOSPC');
    expect(existsSync('/dev/full.1')).toBe(false);
  });

  it('never rotates a device away', async () => {
    const file = await open({ path: '/dev/null', maxBytes: 70_000 });
    for (let number = 0; number < 500; number++) {
      put(file, number);
      if (number % 50 === 0) await turn();
    }
    await file.close();
    expect(failures).toEqual([]);
    expect(existsSync('/dev/null.1')).toBe(false);
  });

  it('is refused where it cannot be, with the reason', async () => {
    await expect(open({ path: folder })).rejects.toMatchObject({ name: 'INVALID_ARGUMENT' });
    await expect(open({ path: join(folder, 'no', 'trace') })).rejects.toMatchObject({
      name: 'IO_ERROR',
      message: expect.stringContaining('ENOENT'),
    });
  });
});
