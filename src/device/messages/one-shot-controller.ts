import { BridgeError } from '../../base/errors.js';
import { DIRECTION, IRQ_TYPE } from '../../wire/virtio-gpio.js';
import { type EdgeStats, newEdgeStats } from '../event-line.js';
import type { LineBackend } from '../line-backend.js';
import { LineControl, type Outcome, REFUSED } from '../line-control.js';
import { OneShotLines } from './one-shot-lines.js';

/** What firmware of these dialects has of their optional parts. */
export interface OneShotFeatures {
  /** Interrupts at all. */
  readonly irq: boolean;
  /** A masked line remembers one edge. */
  readonly latch: boolean;
  /** Lines can wake the system up. */
  readonly wakeup: boolean;
}

export interface OneShotControllerOptions {
  readonly lineCount: number;
  readonly backend: LineBackend;
  readonly features: OneShotFeatures;
  /** Where each line's edges are counted, to go on counting over restarts; by default fresh ones. */
  readonly stats?: readonly EdgeStats[];
  /** Sends a line's interrupt; false when no channel takes it. */
  readonly send: (line: number, type: number) => boolean;
}

/**
 * The lines of one controller of firmware that speaks in single messages: virtio-gpio's operations,
 * with interrupts that mask themselves ({@link OneShotLines}). Operations are asked for one after the
 * other; each may come to something at once or later.
 */
export class OneShotController {
  readonly lineCount: number;
  private readonly lines: LineControl;
  private readonly interrupts: OneShotLines;
  private readonly wakeups: Uint8Array;
  private readonly features: OneShotFeatures;

  constructor(options: OneShotControllerOptions) {
    const { lineCount, features, stats = Array.from({ length: lineCount }, newEdgeStats) } = options;
    this.lineCount = lineCount;
    this.features = features;
    this.interrupts = new OneShotLines(stats, { latch: features.latch, send: options.send });
    this.lines = new LineControl(lineCount, options.backend, this.interrupts);
    this.wakeups = new Uint8Array(lineCount);
  }

  /** The line changed to `level`. */
  edge(line: number, level: number): void {
    this.interrupts.edge(line, level);
  }

  /** Tells the present level where no edge was sensed: at start, or when an output was driven. */
  setLevel(line: number, level: number): void {
    this.interrupts.setLevel(line, level);
  }

  directionOf(line: number): number {
    return this.lines.directionOf(line);
  }

  /** IRQ_TYPE of a line. */
  interruptTypeOf(line: number): number {
    return this.interrupts.typeOf(line);
  }

  /** Whether the line may wake the system up. */
  wakesUp(line: number): boolean {
    return this.wakeups[line] === 1;
  }

  /** Edges of the line that wait until it is unmasked: 0 or 1. */
  keptOf(line: number): number {
    return this.interrupts.keptOf(line);
  }

  /** As after power-up. */
  reset(): void {
    this.interrupts.reset();
    this.wakeups.fill(0);
    this.lines.reset();
  }

  getValue(line: number): Outcome | Promise<Outcome> {
    return this.lines.getValue(line);
  }

  setDirection(line: number, direction: number): Outcome | Promise<Outcome> {
    return this.lines.setDirection(line, direction);
  }

  setValue(line: number, value: number): Outcome | Promise<Outcome> {
    return this.lines.setValue(line, value);
  }

  /** The type that is on unmasks the line; another one takes its place. */
  setInterrupt(line: number, type: number): Outcome | Promise<Outcome> {
    const present = this.interrupts.typeOf(line);
    if (!this.features.irq) return type === IRQ_TYPE.NONE ? 0 : REFUSED;
    if (type === present) {
      this.interrupts.unmask(line);
      return 0;
    }
    if (present === IRQ_TYPE.NONE || type === IRQ_TYPE.NONE) return this.lines.setInterrupt(line, type);
    return inOrder([
      () => this.lines.setInterrupt(line, IRQ_TYPE.NONE),
      () => this.lines.setInterrupt(line, type),
    ]);
  }

  setWakeup(line: number, wakeup: number): Outcome {
    if (!this.features.wakeup || wakeup > 1) return REFUSED;
    this.wakeups[line] = wakeup;
    return 0;
  }

  /** An input that notifies of `type`. */
  becomeInput(line: number, type: number): Outcome | Promise<Outcome> {
    if (type !== IRQ_TYPE.NONE && !this.features.irq) return REFUSED;
    if (this.directionOf(line) === DIRECTION.IN) return this.setInterrupt(line, type);
    return inOrder([() => this.lines.setDirection(line, DIRECTION.IN), () => this.setInterrupt(line, type)]);
  }

  /** An output that drives `value` from the start; its interrupt is off. */
  becomeOutput(line: number, value: number): Outcome | Promise<Outcome> {
    if (this.directionOf(line) === DIRECTION.OUT) return this.lines.setValue(line, value);
    return inOrder([
      () => this.lines.setInterrupt(line, IRQ_TYPE.NONE),
      () => this.lines.setValue(line, value),
      () => this.lines.setDirection(line, DIRECTION.OUT),
    ]);
  }
}

/** How many lines a dialect can address. Throws INVALID_ARGUMENT. */
export function checkLineCount(dialect: string, lineCount: number, most: number): void {
  if (Number.isInteger(lineCount) && lineCount >= 1 && lineCount <= most) return;
  throw new BridgeError('INVALID_ARGUMENT', `${lineCount} lines: ${dialect} addresses 1 to ${most}`);
}

/** One after the other, up to the first that is refused. Costs no promise where none takes time. */
function inOrder(steps: readonly (() => Outcome | Promise<Outcome>)[]): Outcome | Promise<Outcome> {
  let outcome: Outcome = 0;
  for (let i = 0; i < steps.length; i++) {
    const done = steps[i]!();
    if (done instanceof Promise) {
      return done.then((value) => (value === REFUSED ? REFUSED : inOrder(steps.slice(i + 1))));
    }
    if (done === REFUSED) return REFUSED;
    outcome = done;
  }
  return outcome;
}
