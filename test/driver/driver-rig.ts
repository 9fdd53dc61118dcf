import { afterEach } from 'vitest';
import { DriverRig, type RigOptions } from './rig.js';

export { DriverRig, type RigOptions, SleepyTime } from './rig.js';

/** Makes rigs that are closed after each test. */
export function useRigs(): (options?: RigOptions) => DriverRig {
  const rigs: DriverRig[] = [];
  afterEach(async () => {
    for (const rig of rigs.splice(0)) await rig.close();
  });
  return (options = {}) => {
    const rig = new DriverRig(options);
    rigs.push(rig);
    return rig;
  };
}
