import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GuestChain } from '../lab/guest-chain.js';
import { type KernelLab, kernelLab } from '../lab/kernel-lab.js';

/** Of the synthetic chip that the guest gets: those from here on of the coprocessor. */
const FIRST = 4;
/** As many as make the guest's console, by which the test learns of them, cheap beside the edges. */
const LINES = Array.from({ length: 16 }, (_, line) => line);
const EDGES_EACH = 625;
const EDGES = EDGES_EACH * LINES.length;
const CONFIG = `
  [[synthetic]]
  name = "door"
  lines = ["hub:4-19"]
  [[export]]
  type = "vhost-user"
  name = "vm"
  chip = "door"
  socket = "@DIR/vm.sock"
`;

describe('edges from a pin to a guest, over a damaged line', () => {
  let chain: GuestChain;
  let lab: KernelLab;
  beforeAll(async () => {
    chain = new GuestChain({ sim: ['--lines', '24', '--fault', 'corrupt:0.0003'], config: CONFIG });
    await chain.offered('vm');
    const devices = [{ kind: 'gpio', socket: chain.directory.join('vm.sock') }] as const;
    lab = await kernelLab({ devices, modules: ['gpio-virtio'] });
  });
  afterAll(async () => {
    await lab?.stop();
    await chain?.stop();
  });

  it(`all ${EDGES} arrive, one by one, counted at both ends`, async () => {
    const { guest } = lab;
    const chip = (await guest.must('gpiodetect')).split(' ')[0]!;
    const wanted = `--num-events=${EDGES} ${chip} ${LINES.join(' ')}`;
    const monitor = guest.start(`exec gpiomon --line-buffered -F %o ${wanted}`);
    for (const line of LINES) await chain.watched('door', line);
    // The next ones when the guest told of the last: it may not have armed a line again, and one edge is latched.
    for (let round = 1; round <= EDGES_EACH; round++) {
      for (const line of LINES) await chain.drive(FIRST + line, (round % 2) as 0 | 1);
      await monitor.printed(LINES.join('\n').concat('\n').length * round);
    }
    const { status, stdout } = await monitor.exit();
    expect(status).toBe(0);
    const told = stdout.trimEnd().split('\n');
    for (const line of LINES) {
      expect(told.filter((offset) => offset === `${line}`)).toHaveLength(EDGES_EACH);
      expect(await chain.sensed(FIRST + line)).toBe(EDGES_EACH);
    }
    const { counters } = await chain.exported(
      'vm',
      ({ requestedLines }) => requestedLines.length === 0,
      'idle',
    );
    expect(counters).toMatchObject({
      edges_sensed: EDGES,
      edges_delivered: EDGES,
      edges_coalesced: 0,
      edges_lost: 0,
      unknown_losses: 0,
      returns_ignored: 0,
    });
    const [coprocessor] = (await chain.status()).coprocessors;
    expect(coprocessor!.linkCounters.discarded_crc).toBeGreaterThan(0);
  });
});
