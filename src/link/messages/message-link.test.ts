import { closeSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HandTime } from '../../../test/conformance/hand-time.js';
import { collect, isUp, numbered, until } from '../../../test/contract/packet-link.js';
import { systemTime } from '../../linux/clock.js';
import { seqpacketPair } from '../../linux/seqpacket.js';
import type { LinkListener } from '../listener.js';
import { listen, openLink } from '../open.js';
import type { LinkState, PacketBatch, PacketLink } from '../packet-link.js';
import { MessageLink } from './message-link.js';
import { seqpacketEndpoint, seqpacketLinkPair } from './seqpacket.js';

let folder: string;
const open: { close(): Promise<void> }[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gpiobridge-messages-'));
});
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
  rmSync(folder, { recursive: true });
});

function pair(options: Parameters<typeof seqpacketLinkPair>[1] = {}): [MessageLink, MessageLink] {
  const links = seqpacketLinkPair(systemTime, options);
  open.push(...links);
  return links;
}

function batchesOf(link: PacketLink): PacketBatch[] {
  const batches: PacketBatch[] = [];
  link.packets$.subscribe((batch) => batches.push(batch));
  return batches;
}

function statesOf(link: PacketLink): LinkState[] {
  const states: LinkState[] = [];
  link.state$.subscribe((state) => states.push(state));
  return states;
}

const texts = (packets: readonly Uint8Array[]) => packets.map((packet) => Buffer.from(packet).toString());
const text = (of: string) => Buffer.from(of);

describe('messages on a descriptor', () => {
  it('are up at once, and as large as an rpmsg buffer carries', () => {
    const [driver, device] = pair();
    for (const link of [driver, device]) {
      expect(link.state).toEqual({ kind: 'up', channel: 1, delivery: 'reliable' });
      expect(link.maxPacket).toBe(496);
    }
  });

  it('are taken in batches of bounded size, all of one wake-up with one moment', async () => {
    const [driver, device] = pair();
    const batches = batchesOf(device);
    const before = systemTime.monotonicNs();
    while (driver.room > 0) void driver.send(text('x')).catch(() => undefined);
    const written = driver.counters.messages_sent!;
    expect(written).toBeGreaterThan(256);
    await until(() => batches.reduce((sum, { packets }) => sum + packets.length, 0) > written);
    expect(Math.max(...batches.map(({ packets }) => packets.length))).toBe(256);
    expect(batches.length).toBeLessThan(written / 16);
    for (const { arrivedNs } of batches) expect(arrivedNs).toBeGreaterThan(before);
  });

  it('may be empty, which is not the end', async () => {
    const [driver, device] = pair();
    const got = collect(device, 3);
    await driver.send(new Uint8Array());
    await driver.send(text('a'));
    await driver.send(new Uint8Array());
    expect(texts(await got)).toEqual(['', 'a', '']);
    expect(device.state.kind).toBe('up');
  });

  it('that came before the other end closed are delivered, also when it had not read its own', async () => {
    const [driver, device] = pair();
    const batches = batchesOf(driver);
    const states = statesOf(driver);
    await driver.send(text('never read'));
    for (const word of ['', 'last', 'words']) await device.send(text(word));
    await device.close();
    await until(() => driver.state.kind === 'down');
    expect(texts(batches.flatMap(({ packets }) => packets))).toEqual(['', 'last', 'words']);
    expect(states.at(-1)).toEqual({
      kind: 'down',
      cause: 'gone',
      reason: 'the other end closed the connection',
    });
  });

  it('that are too long are thrown away and counted, and the next is taken', async () => {
    const [first, second] = seqpacketPair();
    const wide = { ...seqpacketEndpoint(first), maxPacket: 2_000 };
    const sender = new MessageLink('wide', wide, { role: 'device', time: systemTime });
    const taker = new MessageLink('taker', seqpacketEndpoint(second), { role: 'driver', time: systemTime });
    open.push(sender, taker);
    const got = collect(taker, 2);
    for (const length of [496, 497, 2_000, 3]) await sender.send(new Uint8Array(length));
    expect((await got).map(({ length }) => length)).toEqual([496, 3]);
    expect(taker.counters).toMatchObject({ messages_received: 2, bytes_received: 499, discarded_long: 2 });
    expect(sender.counters).toMatchObject({ messages_sent: 4, bytes_sent: 2_996 });
  });

  it('are told to an observer, each way', async () => {
    const seen: string[] = [];
    const [driver, device] = pair({
      observer: {
        received: (frame, fate) =>
          seen.push(`${fate} ${texts([(frame as { payload: Uint8Array }).payload])}`),
        discarded: () => seen.push('discarded'),
        sent: ([frame]) => seen.push(`sent ${texts([(frame as { payload: Uint8Array }).payload])}`),
      },
    });
    const got = collect(device, 1);
    await driver.send(text('ask'));
    await got;
    expect(seen).toEqual(['sent ask', 'delivered ask']);
  });
});

describe('a message that the kernel refuses for its length', () => {
  it('is refused by name, and the next is sent', async () => {
    const [first, second] = seqpacketPair();
    // As an rpmsg bus with small buffers: more is promised than the socket's buffer holds.
    const wide = { ...seqpacketEndpoint(first), maxPacket: 10_000_000 };
    const driver = new MessageLink('hub', wide, { role: 'driver', time: systemTime });
    const device = new MessageLink('device', seqpacketEndpoint(second), { role: 'device', time: systemTime });
    open.push(driver, device);
    await expect(driver.send(new Uint8Array(8_000_000))).rejects.toMatchObject({
      name: 'INVALID_ARGUMENT',
      message: "hub: the kernel's buffers are too small for a message of 8000000 bytes",
    });
    const got = collect(device, 1);
    await driver.send(text('short'));
    expect(texts(await got)).toEqual(['short']);
    expect(driver.counters).toMatchObject({ send_refused: 1, messages_sent: 1 });
  });
});

describe('an endpoint that is full', () => {
  it('is tried again with pauses, keeps the order, and says when there is room', async () => {
    const [driver, device] = pair({ queue: 100 });
    const outcomes: Promise<unknown>[] = [];
    let sent = 0;
    while (driver.room > 0) outcomes.push(driver.send(numbered(sent++)));
    for (let i = 0; i < 99; i++) outcomes.push(driver.send(numbered(sent++)));
    await expect(driver.send(text('one more'))).rejects.toMatchObject({ name: 'QUEUE_FULL' });
    let rooms = 0;
    driver.room$.subscribe(() => rooms++);
    const got = await collect(device, sent);
    await Promise.all(outcomes);
    expect(got.map((packet) => Buffer.from(packet).readUInt32LE(0))).toEqual([...Array(sent).keys()]);
    await until(() => rooms === 1);
    expect(driver.room).toBeGreaterThan(0);
    expect(driver.counters.send_waits).toBeGreaterThan(0);
  });

  it('is given up by a driver after write_stall, with pauses that grow until then', async () => {
    const time = new HandTime();
    const pauses: number[] = [];
    const set = time.set.bind(time);
    time.set = (callback, delayMs) => {
      pauses.push(delayMs);
      return set(callback, delayMs);
    };
    const [first, second] = seqpacketPair();
    const options = { role: 'driver', time, timeouts: { write_stall: 1_000 } } as const;
    const driver = new MessageLink('hub', seqpacketEndpoint(first), options);
    open.push(driver);
    const states = statesOf(driver);
    const sends: Promise<unknown>[] = [];
    while (driver.room > 0) sends.push(driver.send(text('x')));
    const outcome = expect(sends.at(-1)).rejects.toMatchObject({ name: 'LINK_DOWN' });
    time.advance(999);
    expect(driver.state.kind).toBe('up');
    time.advance(50);
    await outcome;
    expect(states.at(-1)).toEqual({
      kind: 'down',
      cause: 'error',
      reason: 'it takes no messages: the other end does not read them',
    });
    expect(pauses.slice(0, 7)).toEqual([1, 2, 4, 8, 16, 20, 20]);
    closeSync(second);
  });

  it('is waited for by a device for ever', () => {
    const time = new HandTime();
    const [first, second] = seqpacketPair();
    const device = new MessageLink('hub', seqpacketEndpoint(first), { role: 'device', time });
    open.push(device);
    while (device.room > 0) void device.send(text('x')).catch(() => undefined);
    time.advance(600_000);
    expect(device.state.kind).toBe('up');
    closeSync(second);
  });

  it('that is gone ends the link at the next send', async () => {
    const [first, second] = seqpacketPair();
    const driver = new MessageLink('hub', seqpacketEndpoint(first), { role: 'driver', time: systemTime });
    open.push(driver);
    closeSync(second);
    await expect(driver.send(text('x'))).rejects.toMatchObject({
      name: 'LINK_DOWN',
      message: 'hub: the other end closed the connection',
    });
    expect(driver.state).toMatchObject({ kind: 'down', cause: 'gone' });
  });
});

describe('links over seqpacket: URLs', () => {
  const connect = (): PacketLink => {
    const link = openLink(`seqpacket:${folder}/hub`, { time: systemTime, random: Math.random });
    open.push(link);
    return link;
  };

  async function listenHere(): Promise<{ listener: LinkListener; devices: PacketLink[] }> {
    const listener = (await listen(`seqpacket:${folder}/hub`, systemTime)) as LinkListener;
    open.push(listener);
    const devices: PacketLink[] = [];
    listener.links$.subscribe((link) => devices.push(link));
    return { listener, devices };
  }

  it('can be renewed: what was sent before cannot reach the next channel', async () => {
    const { devices } = await listenHere();
    const driver = connect();
    const states = statesOf(driver);
    await isUp(driver);
    await until(() => devices.length === 1);
    const batches = batchesOf(driver);
    while (driver.room > 0) void driver.send(text('x')).catch(() => undefined);
    const waiting = expect(driver.send(text('waits'))).rejects.toMatchObject({ name: 'LINK_DOWN' });
    await devices[0]!.send(text('late'));
    driver.renew!();
    await waiting;
    await until(() => devices.length === 2 && driver.state.kind === 'up');
    await devices[1]!.send(text('new'));
    await until(() => batches.length > 0);
    expect(texts(batches[0]!.packets)).toEqual(['new']);
    expect(states).toMatchObject([
      { kind: 'opening' },
      { kind: 'up', channel: 1 },
      { kind: 'opening', reason: 'a new channel, which late replies cannot reach' },
      { kind: 'up', channel: 2 },
    ]);
    await until(() => devices[0]!.state.kind === 'down');
  });

  it('go down where a renewal finds nobody', async () => {
    const { listener } = await listenHere();
    const driver = connect();
    await isUp(driver);
    await listener.close();
    // Not noticed yet: this turn is not over.
    driver.renew?.();
    await until(() => driver.state.kind === 'down');
  });

  it('cannot be renewed on a descriptor that somebody else opened', () => {
    expect(pair()[0].renew).toBeUndefined();
  });

  it('survive being closed while they open', async () => {
    await listenHere();
    const driver = connect();
    const states = statesOf(driver);
    await driver.close();
    expect(states).toMatchObject([{ kind: 'opening' }, { kind: 'down', cause: 'closed' }]);
  });

  const refusals: [string, string, () => Promise<{ close(): Promise<void> } | undefined>][] = [
    ['nothing is there', 'there is no socket', async () => undefined],
    [
      'nobody listens any more',
      'nobody listens on',
      async () => {
        const { bindSeqpacket } = await import('../../linux/seqpacket.js');
        closeSync(bindSeqpacket(join(folder, 'hub')));
        return undefined;
      },
    ],
    [
      'a stream socket is there',
      'is a socket of another kind: is it unix:',
      async () => {
        const server = createServer();
        await new Promise<void>((resolve) => server.listen(join(folder, 'hub'), resolve));
        return { close: () => new Promise((resolve) => server.close(() => resolve())) };
      },
    ],
  ];
  it.each(refusals)('say why they cannot open: %s', async (_, reason, prepare) => {
    const prepared = await prepare();
    if (prepared !== undefined) open.push(prepared);
    const link = connect();
    await until(() => link.state.kind === 'down');
    expect(link.state).toMatchObject({ cause: 'error', reason: expect.stringContaining(reason) });
    await expect(link.send(text('x'))).rejects.toMatchObject({ name: 'LINK_DOWN' });
  });

  it('are listened for where a listener that was killed left its socket, and nowhere else', async () => {
    const { bindSeqpacket } = await import('../../linux/seqpacket.js');
    closeSync(bindSeqpacket(join(folder, 'hub')));
    await listenHere();
    await expect(listenHere()).rejects.toMatchObject({
      name: 'BUSY',
      message: expect.stringContaining('another program listens on it'),
    });
  });
});
