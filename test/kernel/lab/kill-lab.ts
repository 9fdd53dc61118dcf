import { expect } from 'vitest';
import { eventually } from '../../support/program.js';
import { GuestChain, HUB_EXPORT } from './guest-chain.js';
import type { GuestProcess } from './guest-process.js';
import { type KernelLab, kernelLab } from './kernel-lab.js';

const IDLE = [2, 3];
const BUSY = 5;
const OUTPUT = 1;
const HELD = 6;

/** A guest that uses its lines in every way: some armed and idle, one busy, one held, one set all the time. */
class BusyGuest {
  private constructor(
    readonly lab: KernelLab,
    readonly idle: GuestProcess,
    readonly busy: GuestProcess,
    readonly setting: GuestProcess,
  ) {}

  static async boot(chain: GuestChain): Promise<BusyGuest> {
    const devices = [{ kind: 'gpio', socket: chain.directory.join('vm.sock') }] as const;
    const lab = await kernelLab({ devices, modules: ['gpio-virtio'] });
    const { guest } = lab;
    const chip = (await guest.must('gpiodetect')).split(' ')[0]!;
    const idle = guest.start(`exec gpiomon --line-buffered -F %o ${chip} ${IDLE.join(' ')}`);
    const busy = guest.start(`exec gpiomon --line-buffered -F %o ${chip} ${BUSY}`);
    guest.start(`exec gpioset --mode=signal ${chip} ${HELD}=1`);
    const toggle = `gpioset ${chip} ${OUTPUT}=0 && gpioset ${chip} ${OUTPUT}=1 && echo round`;
    const setting = guest.start(`while :; do { ${toggle}; } 2>/dev/null; sleep 0.1; done`);
    for (const line of [...IDLE, BUSY]) await chain.watched('hub', line);
    await busy.printed(6);
    // A tool whose request is failed by the first kill would end, and hold nothing ever after.
    await chain.exported('vm', ({ requestedLines }) => requestedLines.includes(HELD), 'to hold its line');
    return new BusyGuest(lab, idle, busy, setting);
  }

  /** More of everything happens: edges arrive, and requests are answered. */
  async goesOn(): Promise<void> {
    await this.busy.printed(this.busy.stdout.length + 6);
    // The first of them may have been answered before.
    await this.setting.printed(this.setting.stdout.length + 2 * 'round\n'.length);
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

/** A coprocessor and a daemon with one busy guest, each of which a test kills, and sees all of it come back. */
export class KillLab {
  private constructor(
    readonly chain: GuestChain,
    private guest: BusyGuest,
  ) {}

  static async boot(): Promise<KillLab> {
    const sim = ['--lines', '8', '--stimulus', `toggle:${BUSY}:20ms`];
    const chain = new GuestChain({ sim, config: HUB_EXPORT });
    try {
      await chain.offered('vm');
      return new KillLab(chain, await BusyGuest.boot(chain));
    } catch (error) {
      await chain.stop();
      throw error;
    }
  }

  /** Waits until everything is as before the kill, and goes on. */
  async back(): Promise<void> {
    const { chain } = this;
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
    await this.guest.goesOn();
    await eventually(
      async () => {
        const { direction, level } = await chain.pin(HELD);
        return direction === 'output' && level === 1 ? true : undefined;
      },
      'the line that is held to be driven',
      30_000,
    );
  }

  /** The idle lines are armed still: each of their edges arrives. */
  async idleLinesWork(): Promise<void> {
    const { chain, guest } = this;
    const before = guest.idle.stdout.length;
    for (const line of IDLE) await chain.drive(line, (await chain.pin(line)).level === 0 ? 1 : 0);
    await guest.idle.printed(before + 2 * IDLE.length);
  }

  /** Kills the guest and boots another, when nothing is left of the dead one. */
  async killGuest(): Promise<void> {
    const { chain } = this;
    await this.guest.lab.machine.stop();
    await chain.exported(
      'vm',
      ({ state, requestedLines }) => state === 'listening' && requestedLines.length === 0,
      'to hold no line of a dead guest',
    );
    expect(await chain.pin(HELD)).toMatchObject({ direction: 'none' });
    this.guest = await BusyGuest.boot(chain);
  }

  isSound(): Promise<void> {
    return this.guest.isSound();
  }

  async stop(): Promise<void> {
    await this.guest.lab.stop().finally(() => this.chain.stop());
  }
}
