import { afterEach, describe, expect, it } from 'vitest';
import { memoryLinkPair } from '../../src/link/memory.js';
import { HandTime } from '../../test/conformance/hand-time.js';
import { MessagePeer } from '../../test/support/message-peer.js';
import { SimulatedCoprocessor } from '../coprocessor.js';
import type { SimulatedDialect } from '../dialect.js';
import { parseFault } from '../fault.js';

const running: SimulatedCoprocessor[] = [];
afterEach(async () => {
  for (const coprocessor of running.splice(0)) await coprocessor.close();
});

function start(dialect: SimulatedDialect, ...faults: string[]) {
  const time = new HandTime();
  const coprocessor = new SimulatedCoprocessor(
    { dialect, lines: 4, seed: 1, faults: faults.map(parseFault) },
    time,
  );
  running.push(coprocessor);
  const [ours, theirs] = memoryLinkPair({ clock: time });
  coprocessor.attach(theirs);
  return { time, coprocessor, peer: new MessagePeer(ours), ours };
}

/** By dialect: to read line 0, to have its edges, the answer 0, a refusal, an interrupt. */
const SPEECH = {
  'rpmsg-gpio': {
    read: '0400000000000000',
    enable: '0600000003000000',
    zero: '000000',
    one: '000001',
    refused: '000100',
    interrupt: '010000',
  },
  'rpmsg-gpio-v14': {
    read: '0400000000000000',
    enable: '0600000003000000',
    zero: '010000',
    one: '010001',
    refused: '010100',
    interrupt: '020003',
  },
  srtm: {
    read: '05010000020000000000000000000000',
    enable: '05010000000000000000000003000000',
    zero: '05010001020000000000000000000000',
    one: '05010001020000000000000000010000',
    refused: '05010001020000000000000001000000',
    interrupt: '05010002000000000000000000000000',
  },
} as const;

describe.each(['rpmsg-gpio', 'rpmsg-gpio-v14', 'srtm'] as const)('%s that goes wrong', (dialect) => {
  const { read, enable, zero, one, refused, interrupt } = SPEECH[dialect];

  it('answers late, in order, and interrupts at once', async () => {
    const { time, peer, coprocessor } = start(dialect);
    await peer.ask(enable);
    coprocessor.setFault(parseFault('late:50ms'));
    expect(await peer.ask(read)).toEqual([]);
    coprocessor.drive(0, 1);
    expect(await peer.ask(read)).toEqual([interrupt]);
    time.advance(49);
    expect(await peer.take()).toEqual([]);
    time.advance(1);
    expect(await peer.take()).toEqual([zero, one]);
    expect(coprocessor.stats().wire.answers_late).toBe(2);
  });

  it('does not let an answer that is punctual overtake one that is late', async () => {
    const { time, peer, coprocessor } = start(dialect, 'late:50ms');
    await peer.ask(read);
    coprocessor.clearFaults();
    coprocessor.drive(0, 1);
    expect(await peer.ask(read)).toEqual([]);
    time.advance(50);
    expect(await peer.take()).toEqual([zero, one]);
    expect(await peer.ask(read)).toEqual([one]);
  });

  it('forgets late answers with the channel', async () => {
    const { time, peer, ours } = start(dialect, 'late:50ms');
    await peer.ask(read);
    ours.breakChannel();
    time.advance(100);
    expect(await peer.take()).toEqual([]);
  });

  it('refuses every request without doing it', async () => {
    const { peer, coprocessor } = start(dialect, 'refuse:1');
    const refusals = await peer.ask(enable, read, read);
    expect(refusals).toHaveLength(3);
    expect(refusals.slice(1)).toEqual([refused, refused]);
    coprocessor.drive(0, 1);
    expect(await peer.take()).toEqual([]);
    expect(coprocessor.stats().wire.requests_rejected).toBe(3);
    coprocessor.setFault(parseFault('refuse:0'));
    expect(await peer.ask(read)).toEqual([one]);
  });

  it('is silent to requests, while interrupts go on', async () => {
    const { peer, coprocessor } = start(dialect);
    await peer.ask(enable);
    coprocessor.setFault(parseFault('silent:1'));
    expect(await peer.ask(read)).toEqual([]);
    coprocessor.drive(0, 1);
    expect(await peer.take()).toEqual([interrupt]);
    expect(coprocessor.stats().wire.requests_unanswered).toBe(1);
  });

  it('loses or repeats messages both ways', async () => {
    const { peer, coprocessor } = start(dialect, 'lose:1');
    expect(await peer.ask(read)).toEqual([]);
    coprocessor.clearFaults();
    coprocessor.setFault(parseFault('repeat:1'));
    expect(await peer.ask(read)).toEqual([zero, zero, zero, zero]);
    expect(coprocessor.stats().wire).toMatchObject({ messages_lost: 1, messages_repeated: 3 });
  });

  it('does so again with the same seed', async () => {
    const outcome = async () => {
      const { peer } = start(dialect, 'lose:0.3', 'refuse:0.3');
      return peer.ask(...Array(40).fill(read));
    };
    const first = await outcome();
    expect(await outcome()).toEqual(first);
    expect(first.length).toBeGreaterThan(5);
    expect(first.length).toBeLessThan(40);
    expect(first).toContain(refused);
  });
});

describe('a crash', () => {
  it('leaves nobody there for its time, then firmware that knows nothing', async () => {
    const { time, coprocessor, peer } = start('rpmsg-gpio');
    const { read, enable, zero } = SPEECH['rpmsg-gpio'];
    await peer.ask(enable);
    const before = coprocessor.bootId;
    coprocessor.setFault(parseFault('crash:1s:200ms'));
    time.advance(1_200);
    expect(coprocessor.stats().boots).toBe(2);
    expect(coprocessor.bootId).not.toBe(before);
    coprocessor.drive(0, 1);
    coprocessor.drive(0, 0);
    expect(await peer.ask(read)).toEqual([zero]);
    time.advance(1_000);
    expect(coprocessor.stats().boots).toBe(3);
    coprocessor.clearFaults();
    time.advance(5_000);
    expect(coprocessor.stats().boots).toBe(3);
  });
});

describe('virtio-msg', () => {
  it('has no faults of single messages', () => {
    expect(() => start('virtio-msg', 'late:1ms')).toThrow(/fault 'late': virtio-msg has no messages that/);
  });
});
