import { afterAll, beforeAll, describe, it } from 'vitest';
import { KillLab } from '../lab/kill-lab.js';

const KILLS = 10;

describe('a guest can be killed while it works', () => {
  let lab: KillLab;
  beforeAll(async () => {
    lab = await KillLab.boot();
  });
  afterAll(() => lab?.stop());

  it(`${KILLS} times, and the next one finds its lines free`, async () => {
    for (let kill = 0; kill < KILLS; kill++) await lab.killGuest();
    await lab.back();
    await lab.idleLinesWork();
    await lab.isSound();
  });
});
