import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ChipClient } from '../../src/api/client/types.js';
import { built } from '../support/built.js';
import { Chain, Monitor, PATIENT } from '../support/chain.js';
import { eventually } from '../support/program.js';

beforeAll(built);

describe('scale', () => {
  let chain: Chain | undefined;
  afterEach(() => chain?.stop());

  it('brings up 64 controllers with 4,096 lines', async () => {
    chain = new Chain({ port: 'unix', sim: ['--controllers', '64', '--lines', '64'] });
    const client = await chain.client();
    const status = await eventually(async () => {
      const now = await client.status();
      return now.chips.length === 64 && now.chips.every((chip) => chip.state === 'up') ? now : undefined;
    }, 'all chips to be up');
    expect(status.chips.reduce((sum, chip) => sum + chip.lines, 0)).toBe(4_096);
    const last = await client.openChip('hub.64');
    expect(await last.lines()).toHaveLength(64);
  });

  it('serves 100 clients, each with a line of its own on one chip of 128 lines', async () => {
    const sim = ['--lines', '128', '--stimulus', 'random:0-99:5000'];
    chain = new Chain({ port: 'unix', config: PATIENT, sim });
    await chain.chip();
    const chips: ChipClient[] = [];
    for (let i = 0; i < 100; i++) chips.push(await (await chain.client()).openChip('hub'));
    const monitors = await Promise.all(chips.map((chip, offset) => Monitor.start(chip, [offset])));
    await eventually(
      () => (monitors.every((monitor) => monitor.ledger.delivered > 20) ? true : undefined),
      'edges for every client',
    );
    const ledgers = await Promise.all(monitors.map((monitor) => monitor.stop()));
    const stats = await chain.simStats();
    ledgers.forEach((ledger, offset) => {
      expect(ledger.violations).toEqual([]);
      expect(ledger.accounted).toBe(stats.lines[offset]!.sensed);
    });
  });
});
