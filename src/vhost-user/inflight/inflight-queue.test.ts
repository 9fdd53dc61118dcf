import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InflightQueue, inflightLength } from './inflight-queue.js';

const SIZE = 8;
const memoryOf = (size: number) => new ArrayBuffer(inflightLength(size));
const hex = (memory: ArrayBuffer, from: number, to: number) =>
  Buffer.from(memory, from, to - from).toString('hex');

describe('the record of buffers in flight', () => {
  it('lies in memory as vhost-user says', () => {
    const memory = memoryOf(4);
    const queue = new InflightQueue(memory, 0, 4);
    queue.take(2);
    queue.take(1);
    queue.beforeReturn(2);
    // features, version 1, 4 descriptors, last batch 2, used index 0.
    expect(hex(memory, 0, 16)).toBe('0000000000000000' + '0100' + '0400' + '0200' + '0000');
    // In flight, next, and the order in which they were taken.
    expect(hex(memory, 32, 48)).toBe('01' + '0000000000' + '0000' + '0200000000000000');
    expect(hex(memory, 48, 64)).toBe('01' + '0000000000' + '0000' + '0100000000000000');
    queue.afterReturn(2, 1);
    expect(hex(memory, 48, 56)).toBe('00' + '0000000000' + '0000');
    expect(hex(memory, 14, 16)).toBe('0100');
  });

  it('has the length that the protocol gives it, in steps of 64', () => {
    expect([1, 3, 4, 256].map(inflightLength)).toEqual([64, 64, 128, 4160]);
  });

  it('knows what is held and what is not, wherever a death comes between', () => {
    const step = fc.record({ take: fc.boolean(), pick: fc.nat() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(3), fc.nat(0xffff), (steps, cut, firstUsed) => {
        const memory = memoryOf(SIZE);
        const queue = new InflightQueue(memory, 0, SIZE);
        queue.clear(firstUsed);
        const held: number[] = [];
        let used = firstUsed;
        for (const { take, pick } of steps) {
          const free = [...Array(SIZE).keys()].filter((head) => !held.includes(head));
          if (take && free.length > 0) {
            const head = free[pick % free.length]!;
            queue.take(head);
            held.push(head);
          } else if (held.length > 0) {
            const [head] = held.splice(pick % held.length, 1);
            queue.beforeReturn(head!);
            used = (used + 1) & 0xffff;
            queue.afterReturn(head!, used);
          }
        }
        // Of a last return, so many steps are done when the process dies.
        if (held.length > 0 && cut > 0) {
          const head = held[0]!;
          queue.beforeReturn(head);
          if (cut > 1) {
            used = (used + 1) & 0xffff;
            held.shift();
            if (cut > 2) new Uint8Array(memory)[16 + 16 * head] = 0;
          }
        }
        const later = new InflightQueue(memory, 0, SIZE);
        expect(later.recover(used)).toEqual(held);
        expect(later.count).toBe(held.length);
        expect(later.usedIndex).toBe(used);
        // And again, for a second death before anything happened.
        expect(new InflightQueue(memory, 0, SIZE).recover(used)).toEqual(held);
      }),
    );
  });

  it('says nothing of a ring that is elsewhere', () => {
    const queue = new InflightQueue(memoryOf(SIZE), 0, SIZE);
    queue.take(1);
    expect(queue.recover(SIZE + 1)).toBeUndefined();
  });

  it('begins anew in memory of another shape', () => {
    const memory = memoryOf(SIZE);
    new InflightQueue(memory, 0, SIZE / 2).take(1);
    const queue = new InflightQueue(memory, 0, SIZE);
    expect(queue.recover(0)).toEqual([]);
    expect(queue.has(1)).toBe(false);
  });
});
