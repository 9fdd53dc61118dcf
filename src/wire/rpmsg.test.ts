import { describe, expect, it } from 'vitest';
import { readAnnouncement, readRpmsgHeader, writeAnnouncement, writeRpmsg } from './rpmsg.js';

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const hex = (payload: Uint8Array) => Buffer.from(payload).toString('hex');

const NAME = '72706d73672d726177'.padEnd(64, '0');

describe('rpmsg', () => {
  it('puts addresses and length before a message', () => {
    expect(hex(writeRpmsg(1024, 53, bytes('aabbcc')))).toBe(
      '00040000' + '35000000' + '00000000' + '0300' + '0000' + 'aabbcc',
    );
    const message = bytes('00 01020304 00040000 00000000 0200 0000 aabb cc');
    expect(readRpmsgHeader(message, 1, 19)).toEqual({ source: 0x0403_0201, destination: 1024, length: 2 });
  });

  it('is nothing where it is cut, or longer than its buffer', () => {
    const message = writeRpmsg(1, 2, new Uint8Array(4));
    expect(readRpmsgHeader(message, 0, 15)).toBeUndefined();
    expect(readRpmsgHeader(message, 0, 19)).toBeUndefined();
  });

  it('announces channels by name, and takes them away', () => {
    const raw = { name: 'rpmsg-raw', address: 1024 };
    expect(hex(writeAnnouncement({ ...raw, exists: true }))).toBe(`${NAME}0004000000000000`);
    expect(hex(writeAnnouncement({ ...raw, exists: false }))).toBe(`${NAME}0004000001000000`);
    expect(readAnnouncement(bytes(`${NAME}0004000001000000`))).toEqual({ ...raw, exists: false });
    expect(readAnnouncement(bytes(NAME))).toBeUndefined();
  });
});
