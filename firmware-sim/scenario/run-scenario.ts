import type { TimerHandle } from '../../src/base/clock.js';
import { BridgeError, messageOf, toBridgeError } from '../../src/base/errors.js';
import { Problems } from '../../src/base/problems.js';
import type { SimulatedCoprocessor } from '../coprocessor.js';
import type { Scenario, ScenarioAction, ScenarioStep } from './scenario.js';

/** A scenario that is played. */
export interface ScenarioRun {
  /** Resolves at its end, or when it was stopped; rejects when a step cannot be done, which ends it. */
  readonly done: Promise<void>;
  /** No step is begun any more; what was set going goes on. Idempotent. */
  stop(): void;
}

/** How often it looks for a driver while it waits for one, ms. */
const DRIVER_LOOK_MS = 10;
/** Steps done in one turn: keeps the process answering when it is far behind. */
const TURN_STEPS = 64;

/**
 * Plays a scenario on a coprocessor: its steps in the order of their times, those of one time in
 * the order of the file, to the precision of timers (about a millisecond). When it ends, what it
 * set going goes on. Throws CONFIG_INVALID as {@link checkScenario}.
 */
export function runScenario(coprocessor: SimulatedCoprocessor, scenario: Scenario): ScenarioRun {
  checkScenario(coprocessor, scenario);
  return new Player(coprocessor, scenario);
}

/** Throws CONFIG_INVALID with every line and fault that the coprocessor has not, and every file that cannot be replayed. */
export function checkScenario(coprocessor: SimulatedCoprocessor, scenario: Scenario): void {
  const problems = new Problems();
  for (const action of scenario.steps.flatMap(({ actions }) => actions)) {
    const problem = actionProblem(coprocessor, action);
    if (problem !== undefined) problems.add(action.key, problem);
  }
  problems.throwIfAny();
}

/** What of an action the coprocessor cannot do: a line or fault that it has not, a file that cannot be replayed. */
export function actionProblem(coprocessor: SimulatedCoprocessor, action: ScenarioAction): string | undefined {
  try {
    if (action.kind === 'stimulus') coprocessor.checkStimulus(action.stimulus);
    if (action.kind === 'fault') coprocessor.checkFault(action.fault);
    if (action.kind === 'drive') coprocessor.pin(action.drive.line, action.drive.controller);
    return undefined;
  } catch (thrown) {
    return messageOf(thrown);
  }
}

interface Pending {
  readonly step: ScenarioStep;
  dueNs: number;
  /** How often it was done. */
  count: number;
}

class Player implements ScenarioRun {
  readonly done: Promise<void>;
  private settle!: { resolve: () => void; reject: (error: BridgeError) => void };
  private readonly pending: Pending[];
  private startNs: bigint;
  private timer: TimerHandle | undefined;
  private ended = false;

  constructor(
    private readonly coprocessor: SimulatedCoprocessor,
    private readonly scenario: Scenario,
  ) {
    this.done = new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
    });
    // Whoever does not ask how it ended need not be told.
    this.done.catch(() => undefined);
    this.pending = scenario.steps.map((step) => ({ step, dueNs: step.atNs, count: 0 }));
    this.startNs = this.coprocessor.time.boottimeNs();
    if (scenario.start === 'driver') this.awaitDriver();
    else this.turn();
  }

  stop(): void {
    this.end(() => this.settle.resolve());
  }

  private awaitDriver(): void {
    if (this.coprocessor.driverOk) {
      this.startNs = this.coprocessor.time.boottimeNs();
      this.turn();
      return;
    }
    this.timer = this.coprocessor.time.set(() => this.awaitDriver(), DRIVER_LOOK_MS);
  }

  /** Does what is due, and sets the timer for what comes next. */
  private turn(): void {
    this.timer = undefined;
    for (let begun = 0; ; begun++) {
      if (this.ended) return;
      const next = this.next();
      const wakeNs = next?.dueNs ?? this.scenario.durationNs ?? 0;
      const waitNs = wakeNs - Number(this.coprocessor.time.boottimeNs() - this.startNs);
      if (waitNs > 0 || begun === TURN_STEPS) {
        this.timer = this.coprocessor.time.set(() => this.turn(), Math.max(0, waitNs) / 1e6);
        return;
      }
      if (next === undefined) {
        this.stop();
        return;
      }
      const change = this.begin(next);
      if (change === undefined) continue;
      void change.then(() => this.turn());
      return;
    }
  }

  /** The step that is due first, of several the first in the file; undefined when none comes before the end. */
  private next(): Pending | undefined {
    const endNs = this.scenario.durationNs ?? Number.POSITIVE_INFINITY;
    let first: Pending | undefined;
    for (const entry of this.pending) {
      if (
        entry.count < entry.step.times &&
        entry.dueNs <= endNs &&
        entry.dueNs < (first?.dueNs ?? Infinity)
      ) {
        first = entry;
      }
    }
    return first;
  }

  /** Does a step; where it has to wait for something, resolves after that. */
  private begin(entry: Pending): Promise<void> | undefined {
    entry.count++;
    entry.dueNs += entry.step.everyNs;
    for (const action of entry.step.actions) {
      try {
        // Only ports take time, and they come last in a step.
        const change = this.perform(action);
        if (change !== undefined) return change.catch((thrown: unknown) => this.fail(action, thrown));
      } catch (thrown) {
        this.fail(action, thrown);
        return undefined;
      }
    }
    return undefined;
  }

  private perform(action: ScenarioAction): Promise<void> | undefined {
    const { coprocessor } = this;
    switch (action.kind) {
      case 'clear-faults':
        coprocessor.clearFaults();
        return undefined;
      case 'stop-stimuli':
        coprocessor.stopStimuli();
        return undefined;
      case 'reboot':
        coprocessor.reboot();
        return undefined;
      case 'fault':
        coprocessor.setFault(action.fault);
        return undefined;
      case 'drive': {
        const { line, level, controller } = action.drive;
        coprocessor.drive(line, level, controller);
        return undefined;
      }
      case 'stimulus':
        coprocessor.addStimulus(action.stimulus);
        return undefined;
      case 'close-ports':
        return coprocessor.closePorts();
      case 'open-ports':
        return coprocessor.openPorts();
    }
  }

  private fail({ key }: ScenarioAction, thrown: unknown): void {
    const { name, message } = toBridgeError(thrown);
    const error = new BridgeError(name, `${this.scenario.file}: ${key}: ${message}`, { cause: thrown });
    this.end(() => this.settle.reject(error));
  }

  private end(settle: () => void): void {
    if (this.ended) return;
    this.ended = true;
    if (this.timer !== undefined) this.coprocessor.time.clear(this.timer);
    settle();
  }
}
