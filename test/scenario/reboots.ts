import { expect } from 'vitest';
import { askControl } from '../../firmware-sim/control-client.js';
import { Chain, Monitor, PATIENT } from '../support/chain.js';
import { eventually } from '../support/program.js';

const OFFSETS = Array.from({ length: 16 }, (_, offset) => offset);

/**
 * Lets a coprocessor restart so often, each time with edges flowing before and after: exactly one gap
 * of unknown size comes of each on each line, with its level. Resolves with how long each of these gaps was, ms.
 */
export async function gapsOfReboots(port: 'pty' | 'unix', reboots: number): Promise<number[]> {
  const chain = new Chain({ port, config: PATIENT, sim: ['--stimulus', 'random:0-15:2000'] });
  try {
    const monitor = await Monitor.start(await chain.chip(), OFFSETS);
    const { ledger } = monitor;
    const restarts = () => ledger.gaps.filter(({ reason }) => reason === 'firmware-restart');
    const flow = async (): Promise<void> => {
      const before = ledger.delivered;
      await eventually(() => (ledger.delivered > before + 100 ? true : undefined), 'edges to flow');
    };
    await flow();
    for (let count = 1; count <= reboots; count++) {
      await askControl(chain.control, { command: 'reboot' });
      await eventually(
        () => (restarts().length >= count * OFFSETS.length ? true : undefined),
        `gap ${count}`,
      );
      await flow();
    }
    await monitor.stop();
    expect(ledger.violations).toEqual([]);
    expect((await chain.simStats()).boots).toBe(1 + reboots);
    for (const offset of OFFSETS) {
      expect(restarts().filter((gap) => gap.offset === offset)).toHaveLength(reboots);
    }
    // Of anything else the number is known: edges that waited when the machine was slow, or at the end.
    expect(ledger.gaps.filter(({ lost }) => lost === null)).toEqual(restarts());
    return restarts().map((gap) => {
      expect(gap).toMatchObject({ lost: null, chip: 'hub' });
      expect([0, 1]).toContain(gap.level);
      return Number(gap.toNs - gap.fromNs) / 1e6;
    });
  } finally {
    await chain.stop();
  }
}
