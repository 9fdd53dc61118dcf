import { afterEach, describe, expect, it } from 'vitest';
import type { MessageDialect } from '../../../src/driver/dialect.js';
import { MessageRig, type MessageRigOptions, settled } from './message-rig.js';
import { RacingFirmware } from './racing-firmware.js';

const rigs: MessageRig[] = [];
afterEach(() => {
  for (const rig of rigs.splice(0)) rig.bus.close();
});

function newRig(options: MessageRigOptions): MessageRig {
  const rig = new MessageRig(options);
  rigs.push(rig);
  return rig;
}

const dialects: MessageDialect[] = ['rpmsg-gpio', 'rpmsg-gpio-v14', 'srtm'];

describe.each(dialects)('%s that takes 600 ms for every answer', (dialect) => {
  async function slow(renewable: boolean) {
    const rig = newRig({ dialect });
    const firmware = new RacingFirmware(rig.time, rig.link, dialect, false, [600], [0]);
    firmware.pins[1]!.level = 1;
    if (renewable) {
      rig.link.makeRenewable();
    }
    rig.bus.attach(rig.link);
    rig.link.up();
    await rig.until(() => rig.isUp, 'up', 60_000, 10);
    return { rig, firmware };
  }

  /** Each answer is another than the one before it. */
  async function answersAreRight(rig: MessageRig): Promise<void> {
    for (const [line, level] of [
      [1, 1],
      [2, 0],
      [1, 1],
      [2, 0],
    ] as const) {
      expect(await settled(rig, rig.remote.getValue(line), 10)).toBe(level);
    }
    expect(rig.bus.status.counters).toMatchObject({ unexpected_replies: 0 });
  }

  it('gives the right answers from the start', async () => {
    const { rig } = await slow(false);
    await answersAreRight(rig);
  });

  it.each([false, true])('and when a reply stayed away (channel made anew: %s)', async (renewable) => {
    const { rig, firmware } = await slow(renewable);
    firmware.loseReplies = 2;
    await expect(settled(rig, rig.remote.getValue(1), 10)).rejects.toMatchObject({ name: 'TIMEOUT' });
    firmware.loseReplies = 1;
    await rig.advance(20_000, 10);
    await rig.until(() => rig.isUp, 'up again', 60_000, 10);
    await answersAreRight(rig);
  });

  it('and after it was silent', async () => {
    const { rig, firmware } = await slow(false);
    firmware.stall(9_000);
    await expect(settled(rig, rig.remote.getValue(1), 10)).rejects.toMatchObject({ name: 'TIMEOUT' });
    await rig.until(() => !rig.isUp, 'silence', 60_000, 10);
    await rig.until(() => rig.isUp, 'up again', 60_000, 10);
    await answersAreRight(rig);
  });
});

it('firmware that answers at once is up after a short quiet, and after a long one where answers are owed', async () => {
  for (const [lost, quietMs] of [
    [0, 100],
    [1, 1_000],
  ] as const) {
    const rig = newRig({ dialect: 'rpmsg-gpio' });
    const firmware = new RacingFirmware(rig.time, rig.link, 'rpmsg-gpio', false, [1], [0]);
    firmware.loseReplies = lost;
    rig.bus.attach(rig.link);
    rig.link.up();
    const answered = () => rig.bus.status.counters.probes_sent === lost + 1;
    await rig.until(answered, 'the read that is answered');
    const from = rig.time.monotonicNs();
    await rig.until(() => rig.bus.status.state.kind !== 'greeting', 'quiet');
    const tookMs = Number(rig.time.monotonicNs() - from) / 1e6;
    expect(Math.round(tookMs / 10) * 10).toBe(quietMs);
  }
});
