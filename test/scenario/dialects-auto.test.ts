import { describe, expect, it } from 'vitest';
import { DIALECTS, type Dialect } from '../../src/driver/dialect.js';
import { DialectRig, type DialectRigOptions, RIG_PORTS, type RigPort } from '../support/dialect-rig.js';

/** When a test is over; several run at a time. */
type Finished = (cleanUp: () => Promise<void>) => void;

async function start(finished: Finished, options: DialectRigOptions): Promise<DialectRig> {
  const rig = await DialectRig.start({ ...options, driver: 'auto' });
  finished(() => rig.stop());
  return rig;
}

// Most of their time is waited.
describe.concurrent.each(
  DIALECTS.flatMap((dialect) => RIG_PORTS.map((port): [Dialect, RigPort] => [dialect, port])),
)('auto with firmware that speaks %s over %s', (dialect, port) => {
  it('finds it out without upsetting the firmware, and serves its lines', async ({ onTestFinished }) => {
    const rig = await start(onTestFinished, { dialect, port });
    expect(rig.bus.status.dialect).toBe(dialect);
    // Nothing was done to any line to find it out.
    for (let line = 0; line < 32; line++) expect(rig.coprocessor.pin(line).direction).toBe('none');
    const port0 = dialect === 'virtio-msg' ? 1 : 0;
    const watched = await rig.watch([3], port0);
    rig.drive(3, 1);
    await rig.until(() => watched.events.length === 1, 'an edge');
    expect(watched.events).toMatchObject([{ type: 'edge', edge: 'rising' }]);
  });

  it('goes on with what it found after the port was gone', async ({ onTestFinished }) => {
    const rig = await start(onTestFinished, { dialect, port });
    await rig.coprocessor.closePorts();
    await rig.until(() => rig.bus.status.state.kind === 'down', 'the port to be gone');
    await rig.coprocessor.openPorts();
    await rig.up();
    expect(rig.bus.status.dialect).toBe(dialect);
  });
});
