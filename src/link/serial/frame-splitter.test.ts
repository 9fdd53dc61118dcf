import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DiscardedFrame, encodeSerialFrame, type SerialFrame } from '../../wire/serial-frame.js';
import { FrameSplitter } from './frame-splitter.js';

const { streams } = JSON.parse(
  readFileSync(new URL('../../../test/vectors/serial-link.json', import.meta.url), 'utf8'),
) as { streams: { name: string; wire: string; payloads: string[] }[] };

type Item = SerialFrame | DiscardedFrame;

/** What one read brings. */
function split(splitter: FrameSplitter, chunk: Uint8Array): Item[] {
  const items: Item[] = [];
  splitter.push(chunk, (item) => items.push(item));
  return items;
}

const data = (ns: number, length: number): SerialFrame => ({
  kind: 'data',
  ns,
  nr: 0,
  payload: Uint8Array.from({ length }, (_, i) => (i + ns) % 7),
});

describe('FrameSplitter', () => {
  it.each(streams)('finds the payloads of the stream $name, however it is cut', ({ wire, payloads }) => {
    const bytes = Buffer.from(wire, 'hex');
    for (let size = 1; size <= bytes.length; size++) {
      const splitter = new FrameSplitter();
      const found: string[] = [];
      for (let at = 0; at < bytes.length; at += size) {
        for (const item of split(splitter, bytes.subarray(at, at + size))) {
          if (item.kind === 'data' || item.kind === 'plain')
            found.push(Buffer.from(item.payload).toString('hex'));
        }
      }
      expect(found).toEqual(payloads);
    }
  });

  it('gives the same frames wherever reads cut the stream, and takes no read for granted', () => {
    const frame = fc.tuple(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 0, max: 1024 }));
    fc.assert(
      fc.property(
        fc.array(frame, { minLength: 1, maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 20 }),
        (frames, cuts) => {
          const wanted = frames.map(([ns, length]) => data(ns, length));
          const stream = Buffer.concat(wanted.map(encodeSerialFrame));
          const splitter = new FrameSplitter();
          const got: Item[] = [];
          for (let at = 0, i = 0; at < stream.length; i++) {
            const size = cuts[i % cuts.length]!;
            const chunk = Buffer.from(stream.subarray(at, at + size));
            got.push(...split(splitter, chunk));
            chunk.fill(0xff);
            at += size;
          }
          expect(got.map(normal)).toEqual(wanted.map(normal));
        },
      ),
    );
  });

  it('loses nothing but the bytes up to the next delimiter to a bad frame', () => {
    const splitter = new FrameSplitter();
    const bad = encodeSerialFrame(data(1, 30));
    bad[5]! ^= 0x40;
    const chunk = Buffer.concat([encodeSerialFrame(data(0, 9)), bad, encodeSerialFrame(data(2, 9))]);
    expect(split(splitter, chunk).map(({ kind }) => kind)).toEqual(['data', 'discarded', 'data']);
  });

  it('ignores empty frames', () => {
    const splitter = new FrameSplitter();
    const chunk = Buffer.concat([Buffer.alloc(5), encodeSerialFrame(data(0, 3)), Buffer.alloc(3)]);
    expect(split(splitter, chunk)).toHaveLength(1);
  });

  it('keeps a bounded part of endless noise, and counts it once as long', () => {
    const splitter = new FrameSplitter();
    const noise = new Uint8Array(10_000).fill(0x55);
    for (let i = 0; i < 100; i++) expect(split(splitter, noise)).toEqual([]);
    const items = split(splitter, Buffer.concat([Uint8Array.of(0), encodeSerialFrame(data(0, 3))]));
    expect(items.map((item) => (item.kind === 'discarded' ? item.reason : item.kind))).toEqual([
      'long',
      'data',
    ]);
    expect((items[0] as DiscardedFrame).bytes.length).toBeLessThan(1100);
  });

  it('takes what is too long in one read for long as well', () => {
    const chunk = Buffer.alloc(5000, 0x55);
    chunk[4999] = 0;
    expect(split(new FrameSplitter(), chunk)).toMatchObject([{ kind: 'discarded', reason: 'long' }]);
  });

  it('holds packets to what the session agreed on', () => {
    const splitter = new FrameSplitter();
    splitter.maxPayload = 64;
    const chunk = Buffer.concat([encodeSerialFrame(data(0, 64)), encodeSerialFrame(data(1, 65))]);
    expect(split(splitter, chunk)).toMatchObject([{ kind: 'data' }, { kind: 'discarded', reason: 'long' }]);
  });

  it('forgets an unfinished frame on reset', () => {
    const splitter = new FrameSplitter();
    const wire = encodeSerialFrame(data(0, 20));
    split(splitter, wire.subarray(0, 10));
    splitter.reset();
    expect(split(splitter, encodeSerialFrame(data(3, 4)))).toMatchObject([{ kind: 'data', ns: 3 }]);
  });
});

function normal(item: Item): object {
  return 'payload' in item ? { ...item, payload: Buffer.from(item.payload).toString('hex') } : item;
}
