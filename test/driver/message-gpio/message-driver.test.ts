import { afterEach, describe, expect, it } from 'vitest';
import type { MessageDialect } from '../../../src/driver/dialect.js';
import { MessageRig, type MessageRigOptions, settled } from './message-rig.js';
import { RacingFirmware } from './racing-firmware.js';

const rigs: MessageRig[] = [];
afterEach(() => {
  for (const rig of rigs.splice(0)) rig.bus.close();
});

const hex = (packet: Uint8Array) => Buffer.from(packet).toString('hex');
const unhex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));

function newRig(options: MessageRigOptions): MessageRig {
  const rig = new MessageRig(options);
  rigs.push(rig);
  return rig;
}

/** A driver that is up, with firmware that answers in a millisecond. */
async function withFirmware(options: MessageRigOptions) {
  const rig = newRig(options);
  const firmware = new RacingFirmware(rig.time, rig.link, options.dialect, false, [1], [0]);
  rig.bus.attach(rig.link);
  rig.link.up();
  await rig.until(() => rig.isUp, 'up');
  return { rig, firmware, remote: rig.remote };
}

/** An input, in the form of the reply that came first; of srtm for the same request. */
function directionReply(request: string, like: string): string {
  return like.length > 6 ? `${request.slice(0, 6)}01${request.slice(8, 24)}0001` : like;
}

/** A driver whose far end is the test: it is up after the first read. */
async function byHand(options: MessageRigOptions, firstReply: string) {
  const rig = newRig(options);
  rig.bus.attach(rig.link);
  rig.link.up();
  await rig.settle();
  // The first read, and then the direction of each line.
  rig.link.onSend = (packet) => {
    rig.link.sent.push(packet);
    queueMicrotask(() => rig.link.deliver(unhex(directionReply(hex(packet), firstReply))));
  };
  rig.link.deliver(unhex(firstReply));
  await rig.until(() => rig.isUp, 'up');
  rig.link.onSend = (packet) => rig.link.sent.push(packet);
  const sent = (): string[] => rig.link.sent.splice(0).map(hex);
  sent();
  return { rig, remote: rig.remote, sent, reply: (text: string) => rig.link.deliver(unhex(text)) };
}

const dialects: MessageDialect[] = ['rpmsg-gpio', 'rpmsg-gpio-v14', 'srtm'];

describe.each(dialects)('%s', (dialect) => {
  it('says what it cannot know', async () => {
    const { remote, rig } = await withFirmware({ dialect });
    expect(remote.description).toMatchObject({
      dialect,
      lineCount: 8,
      countsLoss: false,
      stampsEdges: false,
    });
    expect(rig.bus.status).toMatchObject({ dialect, bootId: 0, firmware: '' });
  });

  it('reads, sets and gives back', async () => {
    const { rig, firmware, remote } = await withFirmware({ dialect });
    firmware.pins[3]!.level = 1;
    expect(await settled(rig, remote.getValue(3))).toBe(1);
    await settled(rig, remote.setValue(2, 1));
    expect(firmware.pins[2]).toMatchObject({ direction: 2, level: 0 });
    await settled(rig, remote.setDirection(2, 'output'));
    expect(firmware.pins[2]).toMatchObject({ direction: 1, level: 1 });
    expect(await settled(rig, remote.getDirection(2))).toBe('output');
    await settled(rig, remote.setValue(2, 0));
    expect(firmware.pins[2]!.level).toBe(0);
    await settled(rig, remote.releaseLine(2));
    expect(firmware.pins[2]!.direction).not.toBe(1);
  });

  it('tells refusals from silence', async () => {
    const { rig, remote } = await withFirmware({ dialect });
    await expect(settled(rig, remote.getValue(7))).rejects.toMatchObject({ name: 'DEVICE_ERROR' });
    await expect(settled(rig, remote.setDirection(7, 'output'))).rejects.toMatchObject({
      name: 'DEVICE_ERROR',
    });
    await expect(settled(rig, remote.enableInterrupt(7, 'both'))).rejects.toMatchObject({
      name: 'DEVICE_ERROR',
    });
    expect(rig.isUp).toBe(true);
    expect(await settled(rig, remote.getValue(1))).toBe(0);
  });

  it('goes down when the firmware is silent, and sets everything again when it answers', async () => {
    const { rig, firmware, remote } = await withFirmware({ dialect });
    await settled(rig, remote.setValue(6, 1));
    await settled(rig, remote.setDirection(6, 'output'));
    await settled(rig, remote.enableInterrupt(0, 'both'));
    await rig.advance(50);
    firmware.stall(8_000);
    const asked = remote.getValue(1);
    await expect(settled(rig, asked, 20)).rejects.toMatchObject({ name: 'TIMEOUT' });
    await rig.until(() => !rig.isUp, 'silence', 10_000, 20);
    expect(rig.bus.status.state).toMatchObject({ kind: 'greeting', why: expect.stringContaining(dialect) });
    await expect(remote.getValue(1)).rejects.toMatchObject({ name: 'LINK_DOWN' });
    // It had restarted, for all that can be known.
    Object.assign(firmware.pins[6]!, { direction: 2, level: 0 });
    Object.assign(firmware.pins[0]!, { irq: 0, level: 1 });
    rig.items.length = 0;
    await rig.until(() => rig.isUp, 'up again', 20_000, 20);
    await rig.advance(50);
    expect(firmware.pins[6]).toMatchObject({ direction: 1, level: 1 });
    expect(firmware.pins[0]!.irq).toBe(3);
    expect(rig.items).toMatchObject([
      { kind: 'break', reason: 'link' },
      { kind: 'enabled', line: 0, type: 'both' },
      { kind: 'level', line: 0, level: 1 },
    ]);
  });

  it('enables an interrupt again although a reply stays away meanwhile', async () => {
    const { rig, firmware, remote } = await withFirmware({ dialect });
    await settled(rig, remote.enableInterrupt(0, 'both'));
    await settled(rig, remote.enableInterrupt(1, 'both'));
    rig.items.length = 0;
    rig.link.opening();
    rig.link.up();
    await rig.until(() => rig.bus.status.state.kind === 'starting', 'the lines to be set again');
    firmware.loseReplies = 1;
    await rig.until(() => rig.isUp, 'up again', 20_000, 5);
    await rig.advance(100);
    expect(rig.items.map(({ kind }) => kind)).not.toContain('disabled');
    expect(rig.items.filter(({ kind }) => kind === 'enabled')).toHaveLength(2);
    firmware.setPin(0, 1);
    firmware.setPin(1, 1);
    await rig.advance(20);
    expect(rig.items.filter(({ kind }) => kind === 'edge')).toHaveLength(2);
  });

  it('forgets everything on a new channel where the configuration says so', async () => {
    const { rig, firmware, remote } = await withFirmware({ dialect, onRestart: 'release' });
    await settled(rig, remote.setDirection(6, 'output'));
    await settled(rig, remote.enableInterrupt(0, 'rising'));
    firmware.pins[6]!.direction = 2;
    rig.items.length = 0;
    rig.link.opening();
    rig.link.up();
    await rig.until(() => rig.isUp, 'up again');
    expect(firmware.pins[6]!.direction).toBe(2);
    expect(rig.items).toMatchObject([
      { kind: 'break', reason: 'firmware-restart' },
      { kind: 'disabled', line: 0 },
    ]);
  });

  it('counts what it does not understand', async () => {
    const { rig } = await withFirmware({ dialect });
    rig.link.deliver(
      new Uint8Array(0),
      Uint8Array.of(9),
      Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9),
    );
    const { counters } = rig.bus.status;
    expect(counters).toMatchObject({ dropped_empty: 1, dropped_cut: 1 });
    expect(counters[dialect === 'srtm' ? 'dropped_other_category' : 'dropped_unknown_kind']).toBe(1);
  });

  it('holds re-arming back while it is told to', async () => {
    const { rig, firmware, remote } = await withFirmware({ dialect });
    await settled(rig, remote.enableInterrupt(0, 'rising'));
    remote.holdRearming(true);
    firmware.setPin(0, 1);
    firmware.setPin(0, 0);
    await rig.advance(50);
    expect(firmware.pins[0]!.masked).toBe(true);
    remote.holdRearming(false);
    await rig.advance(50);
    expect(firmware.pins[0]!.masked).toBe(false);
  });

  it('unmasks silent lines of a PLAIN channel again: their interrupt may be lost', async () => {
    const { rig, firmware, remote } = await withFirmware({ dialect });
    rig.link.opening();
    rig.link.up('plain');
    await rig.until(() => rig.isUp, 'up');
    await settled(rig, remote.enableInterrupt(0, 'both'));
    await rig.advance(20);
    // As if it had been sent.
    firmware.pins[0]!.masked = true;
    firmware.pins[0]!.level = 1;
    rig.items.length = 0;
    await rig.advance(4_000, 20);
    expect(firmware.pins[0]!.masked).toBe(false);
    expect(rig.items).toEqual([{ kind: 'level', line: 0, level: 1 }]);
  });
});

it('shows what an earlier run left driven', async () => {
  const rig = newRig({ dialect: 'rpmsg-gpio' });
  const firmware = new RacingFirmware(rig.time, rig.link, 'rpmsg-gpio', false, [1], [0]);
  Object.assign(firmware.pins[4]!, { direction: 1, level: 1 });
  rig.bus.attach(rig.link);
  rig.link.up();
  await rig.until(() => rig.isUp, 'up');
  expect(rig.remote.description).toMatchObject({ outputs: [4] });
  expect(firmware.pins[4]).toMatchObject({ direction: 1, level: 1 });
  // Taken as it is, it is an output, and set without being asked for first.
  await settled(rig, rig.remote.setValue(4, 0));
  expect(firmware.pins[4]!.level).toBe(0);
});

describe('replies without a tag', () => {
  it('an interrupt between a request and its reply is an edge, and the reply is the answer', async () => {
    const { rig, remote, sent, reply } = await byHand({ dialect: 'rpmsg-gpio' }, '000002');
    const enabled = remote.enableInterrupt(3, 'rising');
    for (const expected of ['0200030000000000', '0600030000000000', '0600030001000000']) {
      await rig.settle();
      expect(sent()).toEqual([expected]);
      if (expected === '0600030001000000') reply('010300');
      reply(expected.startsWith('02') ? '000002' : '000000');
    }
    await enabled;
    await rig.settle();
    expect(rig.items).toMatchObject([
      { kind: 'enabled', line: 3, type: 'rising' },
      { kind: 'edge', line: 3, level: null, seq: null, deviceNs: null },
    ]);
    // The same type unmasks it, without NONE before.
    expect(sent()).toEqual(['0600030001000000']);
  });

  it('a late reply is no answer to what is asked after it', async () => {
    const { rig, remote, sent, reply } = await byHand({ dialect: 'rpmsg-gpio' }, '000002');
    const late = remote.getValue(1);
    const rejected = expect(late).rejects.toMatchObject({ name: 'TIMEOUT' });
    await rig.advance(1_010, 10);
    await rejected;
    expect(sent()).toEqual(['0400010000000000']);
    const next = remote.getValue(2);
    await rig.settle();
    expect(sent()).toEqual([]);
    reply('000001');
    await rig.settle();
    expect(sent()).toEqual(['0400020000000000']);
    reply('000000');
    expect(await next).toBe(0);
    expect(rig.bus.status.counters).toMatchObject({ late_replies: 1, unexpected_replies: 0 });
  });

  it('the endpoint is made anew where the link can, and nothing is in doubt on it', async () => {
    const rig = newRig({ dialect: 'rpmsg-gpio' });
    let renewals = 0;
    rig.link.renew = () => {
      renewals++;
      rig.link.opening('renewed');
      rig.link.up();
    };
    const firmware = new RacingFirmware(rig.time, rig.link, 'rpmsg-gpio', false, [1], [0]);
    rig.bus.attach(rig.link);
    rig.link.up();
    await rig.until(() => rig.isUp, 'up');
    await settled(rig, rig.remote.enableInterrupt(0, 'both'));
    await rig.advance(20);
    let heardNs = 0n;
    rig.link.packets$.subscribe(({ arrivedNs }) => {
      if (renewals === 0) heardNs = arrivedNs;
    });
    expect(await settled(rig, rig.remote.getValue(1))).toBe(0);
    firmware.loseReplies = 1;
    const lost = settled(rig, rig.remote.getValue(1), 10);
    await expect(lost).rejects.toMatchObject({ name: 'TIMEOUT' });
    // Its interrupt went to the endpoint that was.
    firmware.pins[0]!.masked = true;
    firmware.pins[0]!.level = 1;
    rig.items.length = 0;
    expect(await settled(rig, rig.remote.getValue(1))).toBe(0);
    expect(renewals).toBe(1);
    await rig.advance(50);
    expect(firmware.pins[0]!.masked).toBe(false);
    expect(rig.items).toEqual([
      { kind: 'break', reason: 'link', fromNs: heardNs, toNs: expect.any(BigInt) },
      { kind: 'level', line: 0, level: 1 },
    ]);
    expect(rig.isUp).toBe(true);
  });

  it('a line with one edge, whose interrupt went to the endpoint that was, has a gap too', async () => {
    const rig = newRig({ dialect: 'rpmsg-gpio' });
    rig.link.makeRenewable();
    const firmware = new RacingFirmware(rig.time, rig.link, 'rpmsg-gpio', false, [1], [0]);
    rig.bus.attach(rig.link);
    rig.link.up();
    await rig.until(() => rig.isUp, 'up');
    await settled(rig, rig.remote.enableInterrupt(0, 'rising'));
    for (const isOn of [true, false]) {
      if (!isOn) await settled(rig, rig.remote.disableInterrupt(0));
      rig.items.length = 0;
      firmware.loseReplies = 1;
      await expect(settled(rig, rig.remote.getValue(1), 10)).rejects.toMatchObject({ name: 'TIMEOUT' });
      firmware.pins[0]!.masked = isOn;
      expect(await settled(rig, rig.remote.getValue(1))).toBe(0);
      await rig.advance(50);
      expect(rig.items).toMatchObject(isOn ? [{ kind: 'break', reason: 'link' }] : []);
      expect(firmware.pins[0]!.masked).toBe(false);
    }
    expect(rig.bus.status.counters).toMatchObject({ channels_renewed: 2 });
  });

  it('a set without a reply is repeated as the line is wanted by then', async () => {
    const { rig, firmware, remote } = await withFirmware({ dialect: 'rpmsg-gpio' });
    await settled(rig, remote.setDirection(6, 'output'));
    firmware.loseReplies = 1;
    await expect(settled(rig, remote.setValue(6, 1), 10)).rejects.toMatchObject({ name: 'TIMEOUT' });
    firmware.pins[6]!.level = 0;
    await rig.advance(3_000, 10);
    expect(firmware.pins[6]!.level).toBe(1);
  });
});

describe('wake-up', () => {
  it('of version 14 is a request before the interrupt is enabled, and after it is off', async () => {
    const { rig, remote, sent, reply } = await byHand({ dialect: 'rpmsg-gpio-v14', wakeup: [3] }, '010002');
    const answers: string[] = [];
    const drive = async (work: Promise<void>): Promise<string[]> => {
      let over = false;
      void work.then(() => {
        over = true;
      });
      answers.length = 0;
      while (!over) {
        await rig.settle();
        for (const packet of sent()) {
          answers.push(packet);
          reply(packet.startsWith('0200') ? '010002' : '010000');
        }
      }
      return [...answers];
    };
    expect(await drive(remote.enableInterrupt(3, 'falling'))).toEqual([
      '0200030000000000',
      '0600030000000000',
      '1000030000000000',
      '1000030001000000',
      '0600030002000000',
    ]);
    expect(await drive(remote.disableInterrupt(3))).toEqual(['0600030000000000', '1000030000000000']);
    expect(await drive(remote.enableInterrupt(4, 'falling'))).not.toContainEqual(
      expect.stringMatching(/^1000/),
    );
  });

  it('of srtm goes with every unmask, and levels are numbered its way', async () => {
    const { rig, remote, sent, reply } = await byHand(
      { dialect: 'srtm', wakeup: [5] },
      '0501000102000000000000000000',
    );
    const enabled = remote.enableInterrupt(5, 'level-high');
    let over = false;
    void enabled.then(() => {
      over = true;
    });
    const seen: string[] = [];
    while (!over) {
      await rig.settle();
      for (const packet of sent()) {
        seen.push(packet);
        // DIRECTION_GET is not known.
        const status = packet.slice(8, 10) === '03' ? '02' : '00';
        reply(`${packet.slice(0, 6)}01${packet.slice(8, 24)}${status}00`);
      }
    }
    expect(seen).toEqual([
      '05010000030000000000050000000000',
      '05010000000000000000050000000000',
      '05010000000000000000050005010000',
    ]);
    reply('050100020000000000000500');
    await rig.advance(20);
    // After a pause: a level that stays active comes back at once.
    expect(sent()).toEqual(['05010000000000000000050005010000']);
  });
});

describe('several ports of srtm', () => {
  it('are several controllers on one channel', async () => {
    const rig = newRig({ dialect: 'srtm', ports: [0, 2] });
    rig.bus.attach(rig.link);
    rig.link.up();
    await rig.settle();
    rig.link.onSend = (packet) => {
      const reply = `${hex(packet).slice(0, 6)}01${hex(packet).slice(8, 24)}0001`;
      queueMicrotask(() => rig.link.deliver(unhex(reply)));
    };
    rig.link.deliver(unhex('0501000102000000000000000000'));
    await rig.until(() => rig.isUp, 'up');
    rig.link.onSend = () => 0;
    expect([...rig.remotes].map(([port, { name }]) => [port, name])).toEqual([
      [0, 'hub.0'],
      [2, 'hub.2'],
    ]);
    rig.link.sent.length = 0;
    const first = rig.remotes.get(2)!.getValue(1);
    const second = rig.remotes.get(0)!.getValue(1);
    await rig.settle();
    // Of the other port, and so no answer to this.
    rig.link.deliver(unhex('0501000102000000000001000001'), unhex('0501000102000000000001020001'));
    expect(await first).toBe(1);
    await rig.settle();
    rig.link.deliver(unhex('0501000102000000000001000000'));
    expect(await second).toBe(0);
    expect(rig.bus.status.counters).toMatchObject({ unexpected_replies: 1 });
    rig.link.deliver(unhex('050100020000000000000109'), unhex('050100020000000000000900'));
    expect(rig.bus.status.counters).toMatchObject({ events_unknown_line: 2 });
  });

  it('go on while a line of one owes a reply', async () => {
    const { rig, remote, sent, reply } = await byHand({ dialect: 'srtm' }, '0501000102000000000000000000');
    const late = expect(remote.getValue(1)).rejects.toMatchObject({ name: 'TIMEOUT' });
    await rig.advance(1_010, 10);
    await late;
    sent();
    const same = remote.getValue(1);
    const other = remote.getValue(2);
    await rig.settle();
    expect(sent()).toEqual(['05010000020000000000020000000000']);
    reply('0501000102000000000002000001');
    expect(await other).toBe(1);
    // The owed reply, and then the answer.
    reply('0501000102000000000001000001');
    await rig.settle();
    expect(sent()).toEqual(['05010000020000000000010000000000']);
    reply('0501000102000000000001000000');
    expect(await same).toBe(0);
  });
});
