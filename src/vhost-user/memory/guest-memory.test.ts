import { closeSync, openSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSharedMemory } from '../../linux/mapped-memory.js';
import { GuestMemory } from './guest-memory.js';

const GIB = 2 ** 30;
const BASE = 0x1_0000_0000;
const USER = 0x7f00_0000_0000;

describe('the memory of a large guest', () => {
  let file: number;
  let memory: GuestMemory;

  beforeAll(() => {
    file = createSharedMemory('large', 3 * GIB);
    const region = {
      guestAddress: BigInt(BASE),
      size: BigInt(2.5 * GIB),
      userAddress: BigInt(USER),
      mmapOffset: 4096n,
    };
    memory = new GuestMemory([region], [openSync(`/proc/self/fd/${file}`, 'r+')]);
  });

  afterAll(() => {
    memory.close();
    closeSync(file);
  });

  it.each([GIB, 2 * GIB])('is one piece over the borders of its views, at %d', (border) => {
    const bytes = Uint8Array.from({ length: 100 }, (_, i) => i + 1);
    const read = new Uint8Array(100);
    expect(memory.write(BASE + border - 50, bytes, 0, 100)).toBe(true);
    expect(memory.read(BASE + border - 50, read, 0, 100)).toBe(true);
    expect(read).toEqual(bytes);
    const ring = new Uint8Array(memory.ringView(BigInt(USER + border - 64), 128, 64, 'ring'));
    expect(ring.subarray(14, 114)).toEqual(bytes);
  });

  it('ends where it ends', () => {
    const end = BASE + 2.5 * GIB;
    expect(memory.contains(end - 1, 1)).toBe(true);
    expect(memory.contains(end - 1, 2)).toBe(false);
    expect(memory.contains(BASE - 1, 1)).toBe(false);
    expect(memory.contains(BASE, 2.5 * GIB)).toBe(true);
    expect(memory.write(end - 1, new Uint8Array(2), 0, 2)).toBe(false);
    expect(memory.read(2 ** 63, new Uint8Array(8), 0, 8)).toBe(false);
    expect(() => memory.ringView(BigInt(USER + 2.5 * GIB - 8), 16, 8, 'ring')).toThrow(/not inside one/);
    expect(() => memory.ringView(2n ** 64n - 8n, 16, 8, 'ring')).toThrow(/not inside one/);
  });

  it('is nowhere once it is closed', () => {
    const gone = new GuestMemory(
      [{ guestAddress: 0n, size: 4096n, userAddress: 0n, mmapOffset: 0n }],
      [openSync(`/proc/self/fd/${file}`, 'r+')],
    );
    expect(gone.contains(0, 1)).toBe(true);
    gone.close();
    expect(gone.contains(0, 1)).toBe(false);
    expect(gone.write(0, new Uint8Array(1), 0, 1)).toBe(false);
  });
});
