import { CoprocessorChip } from '../../src/gpio/coprocessor-chip.js';
import type { Outage } from '../campaign/gap-cover.js';
import { LineJudge } from '../campaign/judge.js';
import { PinTruth } from '../campaign/truth.js';
import { newVerdict, type Verdict } from '../campaign/verdict.js';
import { DriverRig } from '../driver/rig.js';

/** What may happen next to a driver, a coprocessor and the channel between them. */
export const BUS_STEPS = {
  /** The level of a line changes. */
  'edge 0': (world: BusWorld) => world.toggle(0),
  'edge 1': (world: BusWorld) => world.toggle(1),
  /** Both ends do what is due; what is on its way stays there. */
  'time passes': (world: BusWorld) => world.rig.advance(20, 20),
  /** What is on its way arrives, both ways. */
  deliver: (world: BusWorld) => world.deliver(),
  /** The channel breaks and is up again; what was on its way is lost. */
  'channel breaks': async (world: BusWorld) => world.rig.breakChannel(),
  /** The firmware restarts, without a word where the channel stays. */
  reboot: (world: BusWorld) => world.reboot(),
  /** Another driver takes over, which knows nothing but the boot_id, and the lines are requested anew. */
  'driver restarts': (world: BusWorld) => world.restartDriver(),
  /** As `deliver`, with the first message of either way twice. Only a PLAIN channel repeats any. */
  'deliver twice': (world: BusWorld) => world.deliver(true),
  /** The next message is lost: to the driver, to the device. Only a PLAIN channel loses any. */
  'lost to the driver': async (world: BusWorld) => world.lose('received'),
  'lost to the device': async (world: BusWorld) => world.lose('sent'),
} as const;

export type BusStep = keyof typeof BUS_STEPS;

const LINES = [0, 1];
const STEP_LINES = { lines: 2, names: ['A', 'B'] };
/** Longer than every limit, so that all that will come has come. */
const REST_MS = 12_000;
const REST_STEP_MS = 250;

/** One history: the steps happen one after the other, then nothing goes wrong any more. */
export async function judgeHistory(
  delivery: 'reliable' | 'plain',
  steps: readonly BusStep[],
): Promise<{ verdict: Verdict; edges: number }> {
  const world = new BusWorld(delivery);
  try {
    await world.start();
    for (const step of steps) await BUS_STEPS[step](world);
    return await world.end();
  } finally {
    await world.rig.close();
  }
}

class BusWorld {
  readonly rig: DriverRig;
  private readonly verdict = newVerdict();
  /** Of the present requests: what happened before them is nobody's. */
  private pins = LINES.map(() => new PinTruth());
  private judges: LineJudge[] = [];
  private restarts: Outage[] = [];
  private losing: 'sent' | 'received' | undefined;
  private made = 0;

  constructor(delivery: 'reliable' | 'plain') {
    this.rig = new DriverRig({ coprocessor: STEP_LINES, delivery });
  }

  /** A driver comes, and the lines are requested; from then on messages stay on their way until delivered. */
  async start(): Promise<void> {
    const { rig } = this;
    const remote = await rig.up();
    rig.link.losesSent = () => this.loses('sent');
    rig.link.losesReceived = () => this.loses('received');
    const { time } = rig;
    const chip = new CoprocessorChip({ name: 'hub', remote, clock: time, timers: time, startingMs: 1_000 });
    const config = { direction: 'input', edges: 'both', activeLow: false, eventClock: 'monotonic' } as const;
    const asked = chip.requestLines({ consumer: 'explore', offsets: LINES, config });
    await rig.settle(6);
    this.pins = this.pins.map(({ level }) => new PinTruth(level));
    this.restarts = [];
    const judges = this.pins.map((pin) => new LineJudge(pin, this.verdict, { counts: true, epochNs: 0n }));
    this.judges = judges;
    (await asked).events$.subscribe((events) => {
      for (const event of events) {
        if (event.type === 'edge') judges[event.offset]!.edge(event, Number(time.now));
        else for (const line of event.offset === undefined ? LINES : [event.offset]) judges[line]!.gap(event);
      }
    });
    rig.link.holds = true;
  }

  async toggle(line: number): Promise<void> {
    const level = (1 - this.pins[line]!.level) as 0 | 1;
    const now = Number(this.rig.time.now);
    this.rig.coprocessor.drive(line, level);
    this.pins[line]!.add(level, now, now);
    this.made++;
    // No two things happen at one moment.
    this.rig.time.advance(0.001);
  }

  async deliver(firstTwice = false): Promise<void> {
    const { rig } = this;
    await rig.settle(1);
    rig.link.deliver(firstTwice);
    await rig.settle(2);
  }

  async reboot(): Promise<void> {
    const now = Number(this.rig.time.now);
    this.restarts.push({ fromNs: now, restartNs: now, toNs: now });
    this.rig.coprocessor.reboot();
    this.rig.time.advance(0.001);
  }

  async restartDriver(): Promise<void> {
    this.losing = undefined;
    this.rig.restartDriver(this.rig.coprocessor.bootId);
    await this.rig.link.close();
    await this.start();
  }

  lose(direction: 'sent' | 'received'): void {
    this.losing = direction;
  }

  async end(): Promise<{ verdict: Verdict; edges: number }> {
    this.losing = undefined;
    await this.deliver();
    this.rig.link.holds = false;
    await this.deliver();
    await this.rig.advance(REST_MS, REST_STEP_MS);
    for (const judge of this.judges) judge.end(this.restarts);
    return { verdict: this.verdict, edges: this.made };
  }

  private loses(direction: 'sent' | 'received'): boolean {
    if (this.losing !== direction) return false;
    this.losing = undefined;
    return true;
  }
}

/** Every history of so many steps, but for those that are another one with the lines, which are alike, the other way round. */
export function* histories(steps: readonly BusStep[], length: number): Generator<readonly BusStep[]> {
  for (const history of sequences(steps, length)) {
    const first = history.find((step) => step === 'edge 0' || step === 'edge 1');
    if (first !== 'edge 1') yield history;
  }
}

function* sequences(steps: readonly BusStep[], length: number): Generator<readonly BusStep[]> {
  if (length === 0) {
    yield [];
    return;
  }
  for (const rest of sequences(steps, length - 1)) for (const step of steps) yield [...rest, step];
}
