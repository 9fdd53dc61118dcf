import { afterEach, describe, expect, it } from 'vitest';
import { DriverRig, type RigOptions } from './driver-rig.js';

const rigs: DriverRig[] = [];

afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.close();
});

function rig(options: RigOptions = {}): DriverRig {
  const made = new DriverRig(options);
  rigs.push(made);
  return made;
}

describe('bringing a coprocessor up', () => {
  it('describes its controller', async () => {
    const hub = rig({ coprocessor: { lines: 4, names: ['DOOR', '', 'LAMP'], eventDepth: 16 } });
    const remote = await hub.up();
    expect(remote.state).toEqual({ kind: 'up', generation: 1 });
    expect(remote.description).toMatchObject({
      dialect: 'virtio-msg',
      lineCount: 4,
      names: ['DOOR', undefined, 'LAMP', undefined],
      warnings: [],
      hasInterrupts: true,
      countsLoss: true,
      stampsEdges: true,
      eventDepth: 16,
    });
    expect(hub.bus.status.firmware).not.toBe('');
    expect(hub.bus.status.clock?.samples).toBeGreaterThan(0);
    expect(hub.bus.status.busFeatures).toEqual(['time', 'log', 'resume']);
  });
});
