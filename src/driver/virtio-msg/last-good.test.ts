import { describe, expect, it } from 'vitest';
import type { DeviceClock, EdgeItem } from '../remote-gpio.js';
import { LastGood } from './last-good.js';

const SECOND = 1_000_000_000n;
/** The device began at 100 s of the host; times are right to 10 ns. */
const clock: DeviceClock = {
  toHost: (deviceNs) => ({ monotonicNs: deviceNs + 100n * SECOND, uncertaintyNs: 10 }),
  report: undefined,
};
const edge = (line: number, deviceNs: bigint): EdgeItem => ({
  kind: 'edge',
  line,
  level: 1,
  seq: 1,
  deviceNs,
});

describe('the last moment known to be good', () => {
  it('is that of the newest edge, not of its arrival', () => {
    const good = new LastGood();
    good.handedOn([edge(0, 4n * SECOND)]);
    const heard = { askedNs: 101n * SECOND, heardNs: 109n * SECOND };
    expect(good.at(clock, heard)).toBe(104n * SECOND - 10n);
  });

  it('is that of the last question that was answered, where no edge came since', () => {
    const good = new LastGood();
    good.handedOn([edge(0, 4n * SECOND)]);
    const heard = { askedNs: 108n * SECOND, heardNs: 109n * SECOND };
    expect(good.at(clock, heard)).toBe(108n * SECOND);
  });

  it('goes back to the last edge of a busy line that is behind, and not of one that is idle', () => {
    const good = new LastGood();
    good.handedOn([edge(2, 1n * SECOND), edge(0, 7n * SECOND), edge(1, 8n * SECOND)]);
    const heard = { askedNs: 101n * SECOND, heardNs: 109n * SECOND };
    expect(good.at(clock, heard)).toBe(107n * SECOND - 10n);
  });

  it('is that of the arrival where edges have no time', () => {
    const good = new LastGood();
    expect(good.at(undefined, { askedNs: 101n * SECOND, heardNs: 109n * SECOND })).toBe(109n * SECOND);
  });

  it('knows no edge of the boot before', () => {
    const good = new LastGood();
    good.handedOn([edge(0, 4n * SECOND)]);
    good.restarted();
    expect(good.at(clock, { askedNs: 101n * SECOND, heardNs: 109n * SECOND })).toBe(101n * SECOND);
  });
});
