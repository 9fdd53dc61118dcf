import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { built } from '../support/built.js';
import { Chain, Monitor } from '../support/chain.js';
import { eventually } from '../support/program.js';

const OFFSETS = Array.from({ length: 16 }, (_, offset) => offset);
const REBOOTS = 3;

beforeAll(built);

describe('a coprocessor that reboots every 3 s', () => {
  let chain: Chain | undefined;
  afterEach(() => chain?.stop());

  it.each(['pty', 'unix'] as const)(
    'is up again within a second, each time with one gap of unknown size: %s',
    async (port) => {
      chain = new Chain({ port, sim: ['--stimulus', 'random:0-15:2000', '--fault', 'reboot:3s'] });
      const monitor = await Monitor.start(await chain.chip(), OFFSETS);
      const gaps = () => monitor.ledger.gaps;
      await eventually(() => (gaps().length >= REBOOTS ? true : undefined), `${REBOOTS} gaps`, 20_000);
      const delivered = monitor.ledger.delivered;
      await eventually(
        () => (monitor.ledger.delivered > delivered + 100 ? true : undefined),
        'edges to flow again',
      );
      const ledger = await monitor.stop();
      expect(ledger.violations).toEqual([]);
      for (const gap of ledger.gaps) {
        expect(gap).toMatchObject({ lost: null, reason: 'firmware-restart', chip: 'hub' });
        expect(gap.offset).toBeUndefined();
        expect(Number(gap.toNs - gap.fromNs) / 1e6).toBeLessThan(1_000);
      }
      const { boots } = await chain.simStats();
      expect(boots - 1).toBeGreaterThanOrEqual(ledger.gaps.length);
      expect(boots - 1 - ledger.gaps.length).toBeLessThanOrEqual(1);
    },
  );
});
