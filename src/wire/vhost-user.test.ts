import { describe, expect, it } from 'vitest';
import {
  configPayload,
  inflightPayload,
  memoryTablePayload,
  readConfigRange,
  readHeader,
  readInflight,
  readMemoryTable,
  readU64,
  readVringAddresses,
  readVringDescriptor,
  readVringState,
  u64Payload,
  vringAddressesPayload,
  vringDescriptorPayload,
  vringStatePayload,
  writeMessage,
} from './vhost-user.js';

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const hex = (payload: Uint8Array) => Buffer.from(payload).toString('hex');

// As the protocol's document draws it: one region.
const MEMORY_TABLE = bytes(
  '01000000 00000000' +
    '0000 0c00 00000000' +
    '0000 f40f 00000000' +
    '0000 ccf7 f77f 0000' +
    '0000 0c00 00000000',
);

describe('messages of vhost-user', () => {
  it('begin with request, flags and size', () => {
    expect(readHeader(bytes('05000000 09000000 28000000'), 0)).toEqual({
      request: 5,
      needReply: true,
      size: 40,
    });
    expect(hex(writeMessage(1, u64Payload(0x1_4000_0001n), { reply: true }))).toBe(
      '010000000500000008000000' + '0100004001000000',
    );
    expect(hex(writeMessage(18, new Uint8Array(0), { needReply: true }))).toBe('120000000900000000000000');
  });

  it.each([
    ['01000000 02000000 00000000', /version 2/],
    ['01000000 05000000 00000000', /a reply/],
    ['01000000 01000000 01100000', /4097 bytes/],
  ])('%s is none', (head, why) => {
    expect(readHeader(bytes(head), 0)).toMatch(why);
  });

  it('carry the memory of the guest', () => {
    const region = {
      guestAddress: 0xc_0000n,
      size: 0xff4_0000n,
      userAddress: 0x7ff7_f7cc_0000n,
      mmapOffset: 0xc_0000n,
    };
    expect(readMemoryTable(MEMORY_TABLE)).toEqual([region]);
    expect(hex(memoryTablePayload([region]))).toBe(hex(MEMORY_TABLE));
    expect(readMemoryTable(MEMORY_TABLE.subarray(0, 39))).toBeUndefined();
    expect(readMemoryTable(bytes('09000000 00000000'))).toBeUndefined();
  });

  it('set up queues', () => {
    expect(readVringState(bytes('01000000 00010000'))).toEqual({ index: 1, value: 256 });
    expect(hex(vringStatePayload({ index: 1, value: 256 }))).toBe('0100000000010000');
    const addresses = bytes(
      '01000000 00000000' +
        '00100000 f77f0000' +
        '00300000 f77f0000' +
        '00200000 f77f0000' +
        '00000000 00000000',
    );
    const where = {
      index: 1,
      descriptors: 0x7ff7_0000_1000n,
      used: 0x7ff7_0000_3000n,
      available: 0x7ff7_0000_2000n,
    };
    expect(readVringAddresses(addresses)).toEqual(where);
    expect(hex(vringAddressesPayload(where))).toBe(hex(addresses));
    expect(readVringAddresses(addresses.subarray(0, 39))).toBeUndefined();
    expect(readVringDescriptor(bytes('0101000000000000'))).toEqual({ index: 1, hasDescriptor: false });
    expect(hex(vringDescriptorPayload({ index: 1, hasDescriptor: true }))).toBe('0100000000000000');
  });

  it('read the configuration space', () => {
    const range = { offset: 0, size: 8, flags: 0 };
    expect(readConfigRange(bytes('00000000 08000000 00000000 0000000000000000'))).toEqual(range);
    expect(hex(configPayload(range, bytes('2000000011000000')))).toBe(
      '000000000800000000000000' + '2000000011000000',
    );
  });

  it('describe the record of what is in flight', () => {
    const record = { mmapSize: 8320n, mmapOffset: 64n, queueCount: 2, queueSize: 256 };
    expect(hex(inflightPayload(record))).toBe('8020000000000000' + '4000000000000000' + '0200' + '0001');
    expect(readInflight(inflightPayload(record))).toEqual(record);
  });

  it('are nothing where they are cut', () => {
    const short = new Uint8Array(7);
    for (const read of [readU64, readVringState, readVringDescriptor, readConfigRange, readInflight]) {
      expect(read(short)).toBeUndefined();
    }
  });
});
