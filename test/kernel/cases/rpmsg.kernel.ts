import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../support/program.js';
import { mustRecover } from '../lab/recovery.js';
import { HUB, RpmsgLab } from '../lab/rpmsg-lab.js';

const EDGES = 10_000;
const BURST = 200;
const WATCHED = [0, 1, 2, 3];
const NOBODY = { uid: 65534, gid: 65534 };

describe('the daemon over /dev/rpmsg0', () => {
  let lab: RpmsgLab;
  beforeAll(async () => {
    lab = await RpmsgLab.boot({
      [HUB]: { simulated: { names: ['DOOR', 'LOCK'], lines: 8 }, link: 'rpmsg:/dev/rpmsg0' },
    });
  });
  afterAll(() => lab?.stop());

  it('detects, describes, reads and sets lines', async () => {
    const { guest } = lab;
    const coprocessor = lab.coprocessor();
    expect(await guest.must('gpiobridge detect')).toBe(`${HUB} [gpiobridge-sim 1.0] (8 lines)`);
    expect(await guest.must(`gpiobridge info -c ${HUB} 0`)).toContain('"DOOR"');
    coprocessor.drive('DOOR', 1);
    expect(await guest.must('gpiobridge get DOOR')).toBe('"DOOR"=active');
    const setting = guest.start('exec gpiobridge set --banner LOCK=1');
    await eventually(() => (coprocessor.pin('LOCK').level === 1 ? true : undefined), 'LOCK to be driven');
    await setting.stop('SIGINT');
    await eventually(
      () => (coprocessor.pin('LOCK').direction === 'output' ? undefined : true),
      'LOCK to be free',
    );
  });

  it('tells edges', async () => {
    const monitor = lab.guest.start('exec gpiobridge mon --banner --num-events 2 DOOR');
    await monitor.waitFor(/Monitoring/);
    lab.coprocessor().drive('DOOR', 0);
    lab.coprocessor().drive('DOOR', 1);
    const { status, stdout } = await monitor.exit();
    expect(status).toBe(0);
    expect(stdout).toMatch(/falling[\s\S]*rising/i);
  });

  it(`delivers ${EDGES} edges, counted at both ends`, async () => {
    const coprocessor = lab.coprocessor();
    const watch = await lab.watch(WATCHED);
    const before = coprocessor.stats();
    const taken = (): true | undefined => (coprocessor.stats().total.kept === 0 ? true : undefined);
    for (let edge = 0; edge < EDGES; edge++) {
      const line = WATCHED[edge % WATCHED.length]!;
      coprocessor.drive(line, coprocessor.pin(line).level === 0 ? 1 : 0);
      // As fast as the guest takes them, whatever the machine: none is lost for want of room.
      if (edge % BURST === BURST - 1) await eventually(taken, () => `${edge + 1} edges to be taken`, 60_000);
    }
    const lines = await watch.stop(60_000);
    const { lines: after, total } = coprocessor.stats();
    expect(total.sensed - before.total.sensed).toBe(EDGES);
    for (const offset of WATCHED) {
      const { edges, lost, unknown, disordered } = lines.get(offset)!;
      expect({ offset, edges, lost, unknown, disordered }).toEqual({
        offset,
        edges: after[offset]!.sensed - before.lines[offset]!.sensed,
        lost: 0,
        unknown: 0,
        disordered: 0,
      });
    }
  });

  it('comes back after a crash in the middle of traffic, and reports the gap', async () => {
    const coprocessor = lab.coprocessor();
    const watch = await lab.watch(WATCHED);
    coprocessor.addStimulus({ kind: 'random', controller: 1, first: 0, last: 3, edgesPerSecond: 500 });
    /** In the middle of it. */
    const traffic = async () => {
      const before = watch.edges;
      await eventually(
        () => (watch.edges > before ? true : undefined),
        () => watch.process.stdout,
        60_000,
      );
    };
    let crashes = 0;
    await mustRecover(async () => {
      await traffic();
      await coprocessor.closePorts();
      coprocessor.reboot();
      crashes++;
      await watch.chipGoes('down');
      expect(await lab.guest.must('ls /sys/bus/rpmsg/devices')).not.toContain('rpmsg-raw');
      await coprocessor.openPorts();
      await watch.chipGoes('up');
      return lab.recoveryMs('rpmsg-raw');
    });
    await traffic();
    await traffic();
    coprocessor.stopStimuli();
    const lines = await watch.stop();
    expect(watch.process.stdout).toMatch(/"gap":{"offset":\d+,"lost":null,"reason":"firmware-restart"}/);
    for (const line of lines.values()) expect(line).toMatchObject({ unknown: crashes, disordered: 0 });
  });

  it('refuses a second opener, and a user without permission, with the remedy', async () => {
    const link = 'rpmsg:/dev/rpmsg0';
    const second = lab.guest.start([
      'gpiobridge',
      'daemon',
      '--runtime-dir',
      '/run/second',
      '--link',
      `x=${link}`,
    ]);
    await second.waitFor(/\/dev\/rpmsg0 is in use by pid \d+ \(\w+\)/);
    const runtimeDir = await lab.guest.must('mktemp -d', NOBODY);
    const third = lab.guest.start(
      ['gpiobridge', 'daemon', '--runtime-dir', runtimeDir, '--link', `x=${link}`],
      NOBODY,
    );
    await third.waitFor(/no permission to open \/dev\/rpmsg0: it belongs to uid 0, group root, mode 0600/);
    await Promise.all([second.stop(), third.stop()]);
  });
});
