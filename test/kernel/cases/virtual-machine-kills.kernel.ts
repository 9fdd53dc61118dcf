import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../support/program.js';
import { GuestChain } from '../lab/guest-chain.js';
import type { GuestProcess } from '../lab/guest-process.js';
import { type KernelLab, kernelLab } from '../lab/kernel-lab.js';

const KILLS = 10;
/** Ten guests boot, one after the other. */
const GUESTS_LIMIT_MS = 600_000;
const IDLE = [2, 3];
const BUSY = 5;
const OUTPUT = 1;
const HELD = 6;
const CONFIG = `
  [[export]]
  type = "vhost-user"
  name = "vm"
  chip = "hub"
  socket = "@DIR/vm.sock"
`;

/** A guest that uses its lines in every way: some armed and idle, one busy, one held, one set all the time. */
class BusyGuest {
  private constructor(
    readonly lab: KernelLab,
    readonly idle: GuestProcess,
    readonly busy: GuestProcess,
  ) {}

  static async boot(chain: GuestChain): Promise<BusyGuest> {
    const devices = [{ kind: 'gpio', socket: chain.directory.join('vm.sock') }] as const;
    const lab = await kernelLab({ devices, modules: ['gpio-virtio'] });
    const { guest } = lab;
    const chip = (await guest.must('gpiodetect')).split(' ')[0]!;
    const idle = guest.start(`exec gpiomon --line-buffered -F %o ${chip} ${IDLE.join(' ')}`);
    const busy = guest.start(`exec gpiomon --line-buffered -F %o ${chip} ${BUSY}`);
    guest.start(`exec gpioset --mode=signal ${chip} ${HELD}=1`);
    const toggle = `gpioset ${chip} ${OUTPUT}=0 && gpioset ${chip} ${OUTPUT}=1 && echo round >> /tmp/rounds`;
    guest.start(`while :; do { ${toggle}; } || sleep 0.1; done 2>/dev/null`);
    for (const line of [...IDLE, BUSY]) await chain.watched('hub', line);
    await busy.printed(6);
    // A tool whose request is failed by the first kill would end, and hold nothing ever after.
    await chain.exported('vm', ({ requestedLines }) => requestedLines.includes(HELD), 'to hold its line');
    return new BusyGuest(lab, idle, busy);
  }

  /** More of everything happens: edges arrive, and requests are answered. */
  async goesOn(): Promise<void> {
    await this.busy.printed(this.busy.stdout.length + 6);
    const rounds = async () => Number(await this.lab.guest.must('cat /tmp/rounds 2>/dev/null | wc -l'));
    const before = await rounds();
    await eventually(
      async () => ((await rounds()) > before + 1 ? true : undefined),
      'requests to be answered',
      20_000,
    );
  }

  /** Nothing waits for ever, and the ring's own checks are content. */
  async isSound(): Promise<void> {
    // The tools wait for each answer, without a signal ending that: some may always be found at it, but none all the time.
    const waiting = `grep -sl '^[0-9]* (gpio[a-z]*) D' /proc/[0-9]*/stat || true`;
    const tasks = async () => (await this.lab.guest.must(waiting)).split('\n').filter((task) => task !== '');
    let stuck = await tasks();
    await eventually(
      async () => {
        const now = await tasks();
        stuck = stuck.filter((task) => now.includes(task));
        return stuck.length === 0 ? true : undefined;
      },
      () => `tasks to be answered: ${stuck.join()}`,
      60_000,
    );
    expect(await this.lab.guest.dmesg()).not.toMatch(/not a head|virtio_gpio.*(fail|error)|hung/i);
    await this.lab.mustBeSound();
  }
}

describe('everything that can be killed, ten times each, while a guest works', () => {
  let chain: GuestChain;
  let guest: BusyGuest;

  /** The idle lines are armed still: each of their edges arrives. */
  const idleLinesWork = async () => {
    const before = guest.idle.stdout.length;
    for (const line of IDLE) await chain.drive(line, (await chain.pin(line)).level === 0 ? 1 : 0);
    await guest.idle.printed(before + 2 * IDLE.length);
  };
  const back = async () => {
    await chain.exported(
      'vm',
      ({ state, requestedLines }) =>
        state === 'running' && [...IDLE, BUSY, HELD].every((line) => requestedLines.includes(line)),
      'to be back with its lines',
    );
    // What the guest tells next may be of before: it is new when the daemon has delivered more.
    const { counters } = await chain.exported('vm', () => true, 'to be there');
    const delivered = counters.edges_delivered!;
    await chain.exported(
      'vm',
      (status) => status.counters.edges_delivered! > delivered + IDLE.length + 1,
      'to deliver edges',
    );
    await guest.goesOn();
    await eventually(
      async () => {
        const { direction, level } = await chain.pin(HELD);
        return direction === 'output' && level === 1 ? true : undefined;
      },
      'the line that is held to be driven',
      30_000,
    );
  };

  beforeAll(async () => {
    chain = new GuestChain({ sim: ['--lines', '8', '--stimulus', `toggle:${BUSY}:20ms`], config: CONFIG });
    await chain.offered('vm');
    guest = await BusyGuest.boot(chain);
  });
  afterAll(async () => {
    await guest?.lab.stop();
    await chain?.stop();
  });

  it('the daemon', async () => {
    for (let kill = 0; kill < KILLS; kill++) {
      await chain.daemon.stop('SIGKILL');
      chain.startDaemon();
      await back();
      await idleLinesWork();
      const { counters, brokenQueues } = await chain.exported('vm', () => true, 'to be there');
      expect([counters.returns_ignored, brokenQueues]).toEqual([0, []]);
    }
    await guest.isSound();
  });

  it('the simulator', async () => {
    for (let kill = 0; kill < KILLS; kill++) {
      const { bootId } = await chain.coprocessor(({ linkState }) => linkState === 'up', 'to be up');
      await chain.sim.stop('SIGKILL');
      chain.startSim();
      // Until the daemon knows of another boot all is as it was, and would pass for a recovery.
      await chain.coprocessor(
        (now) => now.linkState === 'up' && now.bootId !== null && now.bootId !== bootId,
        'to be another one',
      );
      await back();
    }
    await idleLinesWork();
    await guest.isSound();
  });

  it(
    'the guest',
    async () => {
      for (let kill = 0; kill < KILLS; kill++) {
        await guest.lab.machine.stop();
        await chain.exported(
          'vm',
          ({ state, requestedLines }) => state === 'listening' && requestedLines.length === 0,
          'to hold no line of a dead guest',
        );
        expect(await chain.pin(HELD)).toMatchObject({ direction: 'none' });
        guest = await BusyGuest.boot(chain);
      }
      await back();
      await idleLinesWork();
      await guest.isSound();
    },
    GUESTS_LIMIT_MS,
  );
});
