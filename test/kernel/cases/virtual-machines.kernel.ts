import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HostileGuest } from '../../support/vhost-user/hostile-guest.js';
import { GuestChain } from '../lab/guest-chain.js';
import { type KernelLab, kernelLab } from '../lab/kernel-lab.js';

const ROUNDS = 300;
const CONFIG = `
  [[synthetic]]
  name = "good"
  lines = ["hub:0-3"]
  [[synthetic]]
  name = "bad"
  lines = ["hub:4-7"]
  [[export]]
  type = "vhost-user"
  chip = "good"
  socket = "@DIR/good.sock"
  [[export]]
  type = "vhost-user"
  chip = "bad"
  socket = "@DIR/bad.sock"
`;

describe('two guests on two chips of one coprocessor', () => {
  let chain: GuestChain;
  let lab: KernelLab;
  beforeAll(async () => {
    chain = new GuestChain({ sim: ['--lines', '8', '--names', 'DOOR,LAMP,BELL,LID'], config: CONFIG });
    await chain.offered('good');
    await chain.offered('bad');
    const devices = [{ kind: 'gpio', socket: chain.directory.join('good.sock') }] as const;
    lab = await kernelLab({ devices, modules: ['gpio-virtio'] });
  });
  afterAll(async () => {
    await lab?.stop();
    await chain?.stop();
  });

  it('each sees its own lines, and a hostile one does not disturb the other', async () => {
    const { guest } = lab;
    const chip = (await guest.must('gpiodetect')).split(' ')[0]!;
    expect(await guest.must(`gpioinfo ${chip}`)).toMatch(
      /4 lines:[\s\S]*"DOOR"[\s\S]*"LAMP"[\s\S]*"BELL"[\s\S]*"LID"/,
    );
    const setter = guest.start(`exec gpioset --mode=signal ${chip} 1=1`);
    const monitor = guest.start(`exec gpiomon --line-buffered -F %e --num-events=${ROUNDS} ${chip} 0`);
    await chain.watched('good', 0);
    const hostile = new HostileGuest(chain.directory.join('bad.sock'), 7);
    for (let round = 1; round <= ROUNDS; round++) {
      await chain.drive('DOOR', (round % 2) as 0 | 1);
      await monitor.printed(2 * round);
    }
    expect((await monitor.exit()).status).toBe(0);
    expect(await chain.pin('LAMP')).toMatchObject({ direction: 'output', level: 1 });
    await hostile.stop();
    expect(hostile.deeds).toBeGreaterThan(1_000);
    const good = await chain.exported('good', () => true, 'to be there');
    expect(good.counters).toMatchObject({
      edges_sensed: ROUNDS,
      edges_delivered: ROUNDS,
      queues_broken: 0,
      violations: 0,
    });
    const bad = await chain.exported(
      'bad',
      ({ requestedLines }) => requestedLines.length === 0,
      'to be left',
    );
    expect(bad.counters.queues_broken).toBeGreaterThan(0);
    expect(bad.counters.requests).toBeGreaterThan(0);
    expect((await setter.stop()).status).not.toBe(1);
    expect(chain.daemon.process.exitCode).toBeNull();
  });
});
