import { afterEach, describe, expect, it } from 'vitest';
import { TIMEOUTS } from '../../../src/base/timeouts.js';
import type { MessageDialect } from '../../../src/driver/dialect.js';
import { LossAccount } from '../../../src/events/loss-account.js';
import type { Sensed } from '../../../src/events/sensed.js';
import { MessageRig, settled } from './message-rig.js';
import { RacingFirmware } from './racing-firmware.js';

const rigs: MessageRig[] = [];
afterEach(() => {
  for (const rig of rigs.splice(0)) rig.bus.close();
});

const LINE = 1;
const dialects: MessageDialect[] = ['rpmsg-gpio', 'rpmsg-gpio-v14', 'srtm'];

/** What a request on these lines would be told. */
function sensed(rig: MessageRig): Sensed[] {
  const account = new LossAccount();
  return rig.told.flatMap(({ item, atMs }) => account.take([item], BigInt(Math.round(atMs * 1e6))));
}

describe.each(dialects)('%s, both edges', (dialect) => {
  async function watched(prepare: (firmware: RacingFirmware, rig: MessageRig) => void = () => {}) {
    const rig = new MessageRig({ dialect });
    rigs.push(rig);
    const firmware = new RacingFirmware(rig.time, rig.link, dialect, false, [1], [0]);
    prepare(firmware, rig);
    rig.bus.attach(rig.link);
    rig.link.up();
    await rig.until(() => rig.isUp, 'up');
    await settled(rig, rig.remote.enableInterrupt(LINE, 'both'));
    await rig.advance(20);
    return { rig, firmware };
  }

  const toggle = (firmware: RacingFirmware): void =>
    firmware.setPin(LINE, firmware.pins[LINE]!.level === 1 ? 0 : 1);

  it('are told as missing where the firmware refuses to tell levels', async () => {
    // SRTM is asked for a level to find out whether anybody is there: a refusal says so too.
    const { rig, firmware } = await watched((of) => {
      of.refusesReads = true;
    });
    for (let i = 0; i < 200; i++) {
      toggle(firmware);
      await rig.advance(10);
    }
    const sent = firmware.interruptsSent[LINE]!;
    expect(sent).toBe(200);
    const events = sensed(rig);
    expect(events.filter(({ kind }) => kind === 'edge')).toEqual([]);
    expect(events).toHaveLength(sent);
    expect(events[0]).toMatchObject({ kind: 'gap', line: LINE, lost: null, reason: 'no-count' });
  });

  it('are told when the channel ends before a level was read', async () => {
    const { rig, firmware } = await watched();
    toggle(firmware);
    rig.link.opening();
    await rig.settle();
    expect(sensed(rig)).toMatchObject([{ kind: 'edge', line: LINE, level: 1, levelSource: 'read' }]);
    rig.link.up();
    await rig.until(() => rig.isUp, 'up again');
    await rig.advance(20);
    expect(sensed(rig)).toMatchObject([
      { kind: 'edge' },
      { kind: 'gap', line: undefined, reason: 'link' },
      // What the line is after it, once that was read.
      { kind: 'gap', line: LINE, reason: 'link', level: 1 },
    ]);
  });

  it('are told as missing where an interrupt never comes, and sensed again after it', async () => {
    const { rig, firmware } = await watched();
    // As after an interrupt that was lost on its way.
    firmware.pins[LINE]!.masked = true;
    toggle(firmware);
    await rig.advance(TIMEOUTS.level_look.defaultMs * 2, 5);
    expect(sensed(rig)).toMatchObject([
      { kind: 'gap', line: LINE, lost: null, level: 1, reason: 'no-count' },
    ]);
    expect(firmware.pins[LINE]!.masked).toBe(false);
    toggle(firmware);
    await rig.advance(20);
    expect(sensed(rig).at(-1)).toMatchObject({ kind: 'edge', line: LINE, level: 0 });
  });

  it('are told as missing when the channel ends before any level was read', async () => {
    const { rig, firmware } = await watched((of) => {
      of.refusesReads = true;
    });
    toggle(firmware);
    rig.link.opening();
    await rig.settle();
    expect(sensed(rig)).toMatchObject([{ kind: 'gap', line: LINE, lost: null, reason: 'no-count' }]);
  });

  it('are sensed again as soon as the channel is free after an unmask was not answered', async () => {
    const { rig, firmware } = await watched((_, of) => {
      of.link.makeRenewable();
    });
    firmware.loseRequests = 1;
    toggle(firmware);
    await rig.advance(1_000, 5);
    expect(firmware.pins[LINE]!.masked).toBe(true);
    // The new channel's first read and its quiet; no pause as after a refusal.
    await rig.advance(300, 5);
    expect(firmware.pins[LINE]!.masked).toBe(false);
    expect(sensed(rig).filter(({ kind }) => kind === 'edge')).toMatchObject([{ line: LINE, level: 1 }]);
  });

  it('are sensed again where a level was waited for when the channel was made anew', async () => {
    const { rig, firmware } = await watched((_, of) => of.link.makeRenewable());
    toggle(firmware);
    const renewed = () => rig.bus.status.counters.channels_renewed === 1;
    // The answer to the unmask is not lost, and that to the read after it is.
    await rig.until(() => !firmware.pins[LINE]!.masked, 'the unmask', 1_000, 0.5);
    await rig.advance(0.5, 0.5);
    firmware.loseReplies = 1;
    await rig.until(renewed, 'a channel made anew', 5_000, 5);
    // As if its interrupt had gone to the endpoint that was.
    Object.assign(firmware.pins[LINE]!, { masked: true, level: 0 });
    await rig.advance(300, 5);
    expect(firmware.pins[LINE]!.masked).toBe(false);
    expect(rig.items.at(-1)).toEqual({ kind: 'level', line: LINE, level: 0 });
  });
});
