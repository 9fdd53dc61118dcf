import { CoprocessorChip } from '../../src/gpio/coprocessor-chip.js';
import { DriverRig, SleepyTime } from '../driver/rig.js';
import { randomFrom } from '../support/arq-world.js';
import type { Cell } from './cells.js';
import { LineJudge } from './judge.js';
import type { CellResult } from './run-cell.js';
import { PinTruth } from './truth.js';
import { newVerdict } from './verdict.js';

const LINES = 4;
const OFFSETS = Array.from({ length: LINES }, (_, offset) => offset);
/** Edges in one step of time. */
const STEP_EDGES = 10;
const STEP_MS = 10;
/** Of the steps: the host sleeps in some, somebody sets CLOCK_REALTIME in others. */
const SLEEP_EVERY = 97;
const SET_CLOCK_EVERY = 31;
const LONGEST_SLEEP_MS = 3_600_000;
const LONGEST_SET_MS = 86_400_000;

/** CLOCK_REALTIME is set by hand, forward and back. */
class SteppedTime extends SleepyTime {
  private setByNs = 0n;

  override realtimeNs = (): bigint => this.now + this.setByNs;

  setClock(byMs: number): void {
    this.setByNs += BigInt(Math.round(byMs * 1e6));
  }
}

/**
 * A host that sleeps, now and then, for up to an hour, with edges before, in and after it, while its
 * CLOCK_REALTIME is set as well: driver and chip in this process, in a time that is moved by hand.
 */
export async function runSleepCell(cell: Cell, edges: number, seed: number): Promise<CellResult> {
  const random = randomFrom(seed);
  const time = new SteppedTime();
  const rig = new DriverRig({ coprocessor: { lines: LINES, seed, faults: cell.faults ?? [] } }, time);
  try {
    const remote = await rig.up();
    const chip = new CoprocessorChip({ name: 'hub', remote, clock: time, timers: time, startingMs: 1_000 });
    const config = { direction: 'input', edges: 'both', activeLow: false, eventClock: 'monotonic' } as const;
    const request = await chip.requestLines({ consumer: 'campaign', offsets: OFFSETS, config });
    const pins = OFFSETS.map(() => new PinTruth());
    const verdict = newVerdict();
    const judges = pins.map((pin) => new LineJudge(pin, verdict, { counts: true, epochNs: 0n }));
    request.events$.subscribe((events) => {
      for (const event of events) {
        if (event.type === 'edge') judges[event.offset]!.edge(event, Number(time.now));
        else
          for (const line of event.offset === undefined ? OFFSETS : [event.offset]) judges[line]!.gap(event);
      }
    });
    const toggle = (): void => {
      const line = Math.floor(random() * LINES);
      const level = (1 - pins[line]!.level) as 0 | 1;
      rig.coprocessor.drive(line, level);
      pins[line]!.add(level, Number(time.now), Number(time.now));
    };
    for (let made = 0, step = 1; made < edges; made += STEP_EDGES, step++) {
      if (step % SET_CLOCK_EVERY === 0) time.setClock((random() - 0.5) * LONGEST_SET_MS);
      const sleepMs = step % SLEEP_EVERY === 0 ? random() * LONGEST_SLEEP_MS : 0;
      for (let i = 0; i < STEP_EDGES; i++) {
        if (sleepMs > 0) time.sleep(sleepMs / STEP_EDGES);
        toggle();
      }
      await rig.advance(STEP_MS, STEP_MS);
    }
    await rig.advance(1_000, 50);
    for (const judge of judges) judge.end([]);
    return {
      cell,
      edges,
      verdict,
      worstRecoveryMs: undefined,
      unrecovered: 0,
      peakRssBytes: 0,
      counts: true,
    };
  } finally {
    await rig.close();
  }
}
