import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KillLab } from '../lab/kill-lab.js';

const KILLS = 10;

describe('what serves a guest can be killed, ten times each, while the guest works', () => {
  let lab: KillLab;
  beforeAll(async () => {
    lab = await KillLab.boot();
  });
  afterAll(() => lab?.stop());

  it('the daemon', async () => {
    const { chain } = lab;
    for (let kill = 0; kill < KILLS; kill++) {
      await chain.daemon.stop('SIGKILL');
      chain.startDaemon();
      await lab.back();
      await lab.idleLinesWork();
      const { counters, brokenQueues } = await chain.exported('vm', () => true, 'to be there');
      expect([counters.returns_ignored, brokenQueues]).toEqual([0, []]);
    }
    await lab.isSound();
  });

  it('the simulator', async () => {
    const { chain } = lab;
    for (let kill = 0; kill < KILLS; kill++) {
      const { bootId } = await chain.coprocessor(({ linkState }) => linkState === 'up', 'to be up');
      await chain.sim.stop('SIGKILL');
      chain.startSim();
      // Until the daemon knows of another boot all is as it was, and would pass for a recovery.
      await chain.coprocessor(
        (now) => now.linkState === 'up' && now.bootId !== null && now.bootId !== bootId,
        'to be another one',
      );
      await lab.back();
    }
    await lab.idleLinesWork();
    await lab.isSound();
  });
});
