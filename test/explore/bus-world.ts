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
  /** Both ends do what is due. */
  'time passes': (world: BusWorld) => world.rig.advance(20, 20),
  /** The channel breaks and is up again; what was on its way is lost. */
  'channel breaks': async (world: BusWorld) => world.rig.breakChannel(),
  /** The firmware restarts, without a word where the channel stays. */
  reboot: (world: BusWorld) => world.reboot(),
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
  private readonly pins = LINES.map(() => new PinTruth());
  private readonly verdict = newVerdict();
  private readonly judges = this.pins.map(
    (pin) => new LineJudge(pin, this.verdict, { counts: true, epochNs: 0n }),
  );
  private readonly restarts: Outage[] = [];
  private losing: 'sent' | 'received' | undefined;

  constructor(delivery: 'reliable' | 'plain') {
    this.rig = new DriverRig({ coprocessor: STEP_LINES, delivery });
  }

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
    const request = await asked;
    request.events$.subscribe((events) => {
      for (const event of events) {
        if (event.type === 'edge') this.judges[event.offset]!.edge(event, Number(time.now));
        else
          for (const line of event.offset === undefined ? LINES : [event.offset])
            this.judges[line]!.gap(event);
      }
    });
  }

  async toggle(line: number): Promise<void> {
    const level = (1 - this.pins[line]!.level) as 0 | 1;
    const now = Number(this.rig.time.now);
    this.rig.coprocessor.drive(line, level);
    this.pins[line]!.add(level, now, now);
    // No two things happen at one moment.
    this.rig.time.advance(0.001);
  }

  async reboot(): Promise<void> {
    const now = Number(this.rig.time.now);
    this.restarts.push({ fromNs: now, restartNs: now, toNs: now });
    this.rig.coprocessor.reboot();
    this.rig.time.advance(0.001);
  }

  lose(direction: 'sent' | 'received'): void {
    this.losing = direction;
  }

  async end(): Promise<{ verdict: Verdict; edges: number }> {
    this.losing = undefined;
    await this.rig.advance(REST_MS, REST_STEP_MS);
    for (const judge of this.judges) judge.end(this.restarts);
    return { verdict: this.verdict, edges: this.pins.reduce((sum, { count }) => sum + count, 0) };
  }

  private loses(direction: 'sent' | 'received'): boolean {
    if (this.losing !== direction) return false;
    this.losing = undefined;
    return true;
  }
}

/** Every history of so many steps. */
export function* histories(steps: readonly BusStep[], length: number): Generator<readonly BusStep[]> {
  if (length === 0) {
    yield [];
    return;
  }
  for (const rest of histories(steps, length - 1)) for (const step of steps) yield [...rest, step];
}
