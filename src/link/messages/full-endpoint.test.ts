import { closeSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HandTime } from '../../../test/conformance/hand-time.js';
import { ERRNO } from '../../linux/errno.js';
import { koffi } from '../../linux/koffi.js';
import { libc } from '../../linux/libc.js';
import { readWaiting } from '../../linux/message-channel.js';
import { seqpacketPair } from '../../linux/seqpacket.js';
import { MessageLink } from './message-link.js';
import { seqpacketEndpoint } from './seqpacket.js';

/**
 * How kernels say that every buffer of an endpoint is in use. A socket says EAGAIN only: the system call itself is
 * answered here, as rpmsg before Linux 5.18 and as network devices answer it.
 */
describe.each(['ENOMEM', 'ENOBUFS', 'EAGAIN'] as const)('an endpoint whose kernel says %s', (code) => {
  let time: HandTime;
  let link: MessageLink;
  let firmware: number;
  let isFull: boolean;
  let pauses: number[];
  let writes: number;

  beforeEach(() => {
    const [fd, other] = seqpacketPair();
    firmware = other;
    isFull = true;
    writes = 0;
    const { write } = libc();
    vi.spyOn(libc(), 'write').mockImplementation((at, from, length) => {
      if (at !== fd) return write(at, from, length);
      writes++;
      if (!isFull) return write(at, from, length);
      koffi().errno(ERRNO[code]);
      return -1;
    });
    time = new HandTime();
    pauses = [];
    const set = time.set.bind(time);
    time.set = (callback, delayMs) => {
      pauses.push(delayMs);
      return set(callback, delayMs);
    };
    const options = { role: 'driver', time, timeouts: { write_stall: 1_000 } } as const;
    link = new MessageLink('hub', seqpacketEndpoint(fd), options);
  });
  afterEach(async () => {
    await link.close();
    closeSync(firmware);
    vi.restoreAllMocks();
  });

  const send = (text: string) => link.send(Buffer.from(text));

  it('is tried again with growing pauses, and then sends all in order', async () => {
    let rooms = 0;
    link.room$.subscribe(() => rooms++);
    const sends = ['a', 'bb', 'ccc'].map(send);
    expect([link.room, link.counters.send_waits, writes]).toEqual([0, 1, 1]);
    for (const tries of [2, 3, 4, 5, 6, 7, 8]) {
      time.advance(pauses.at(-1)!);
      expect(writes).toBe(tries);
    }
    expect(pauses).toEqual([1, 2, 4, 8, 16, 20, 20, 20]);
    expect([rooms, link.state.kind]).toEqual([0, 'up']);
    isFull = false;
    time.advance(20);
    await Promise.all(sends);
    expect([rooms, link.room > 0, link.counters.messages_sent]).toEqual([1, true, 3]);
    const lengths = Array.from({ length: 3 }, () => libc().read(firmware, Buffer.alloc(8), 8));
    expect(lengths).toEqual([1, 2, 3]);
  });

  it('has the pauses of the beginning when it is full once more', async () => {
    const first = send('a');
    time.advance(40);
    isFull = false;
    time.advance(20);
    await first;
    isFull = true;
    pauses.length = 0;
    const second = send('b');
    time.advance(3);
    expect(pauses).toEqual([1, 2, 4]);
    isFull = false;
    time.advance(4);
    await second;
    expect([link.counters.send_waits, readWaiting(firmware)]).toEqual([2, 2]);
  });

  it('is given up after write_stall', async () => {
    const waits = expect(send('a')).rejects.toMatchObject({ name: 'LINK_DOWN' });
    time.advance(999);
    expect(link.state.kind).toBe('up');
    time.advance(21);
    await waits;
    expect(link.state).toMatchObject({
      kind: 'down',
      cause: 'error',
      reason: 'it takes no messages: the other end does not read them',
    });
  });
});
