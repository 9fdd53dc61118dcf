import { IRQ_TYPE } from '../../wire/virtio-gpio.js';
import { type EdgeStats, isLevelType } from '../event-line.js';
import type { LineInterrupts } from '../line-control.js';

export interface OneShotOptions {
  /** Whether a masked line remembers that there was an edge: the latch of many interrupt controllers. */
  readonly latch: boolean;
  /** Sends the line's interrupt; false when no channel takes it. `type` is the IRQ_TYPE that is enabled. */
  readonly send: (line: number, type: number) => boolean;
}

/**
 * Interrupts of firmware that masks a line by the interrupt it sends, and unmasks it when the same
 * type is set again. Edges in between are lost, all or all but one, and nobody is told how many:
 * {@link EdgeStats} count them here all the same, for whoever simulates such firmware.
 */
export class OneShotLines implements LineInterrupts {
  private readonly types: Uint8Array;
  private readonly levels: Uint8Array;
  private readonly masked: Uint8Array;
  private readonly latched: Uint8Array;

  /** One set of statistics for each line. */
  constructor(
    private readonly stats: readonly EdgeStats[],
    private readonly options: OneShotOptions,
  ) {
    const { length } = stats;
    this.types = new Uint8Array(length);
    this.levels = new Uint8Array(length);
    this.masked = new Uint8Array(length);
    this.latched = new Uint8Array(length);
  }

  typeOf(line: number): number {
    return this.types[line]!;
  }

  /** Edges of the line that wait until it is unmasked: 0 or 1. */
  keptOf(line: number): number {
    return this.latched[line]!;
  }

  statsOf(line: number): EdgeStats {
    return this.stats[line]!;
  }

  enable(line: number, type: number): void {
    this.forget(line);
    this.types[line] = type;
    this.judge(line);
  }

  disable(line: number): void {
    this.forget(line);
  }

  /** The type that is enabled was set again. */
  unmask(line: number): void {
    if (this.masked[line] === 0) return;
    this.masked[line] = 0;
    if (this.latched[line] === 1) {
      this.latched[line] = 0;
      this.interrupt(line);
    } else this.judge(line);
  }

  /** The level is known without an edge having been sensed; judges level interrupts. */
  setLevel(line: number, level: number): void {
    this.levels[line] = level;
    this.judge(line);
  }

  /** The line changed to `level`. */
  edge(line: number, level: number): void {
    this.levels[line] = level;
    const type = this.types[line]!;
    if (type === IRQ_TYPE.NONE) return;
    if (isLevelType(type)) {
      this.judge(line);
      return;
    }
    if (type === (level === 1 ? IRQ_TYPE.EDGE_FALLING : IRQ_TYPE.EDGE_RISING)) return;
    this.stats[line]!.sensed++;
    if (this.masked[line] === 1) this.sensedMasked(line);
    else this.interrupt(line);
  }

  reset(): void {
    for (let line = 0; line < this.types.length; line++) this.forget(line);
  }

  /** A level interrupt that is not masked is sent for as long as its level is there. */
  private judge(line: number): void {
    const type = this.types[line]!;
    if (!isLevelType(type) || this.masked[line] === 1) return;
    if (type !== (this.levels[line] === 1 ? IRQ_TYPE.LEVEL_HIGH : IRQ_TYPE.LEVEL_LOW)) return;
    this.masked[line] = 1;
    // What nobody took is judged again when the line is unmasked.
    if (!this.options.send(line, type)) return;
    this.stats[line]!.sensed++;
    this.stats[line]!.delivered++;
  }

  private interrupt(line: number): void {
    this.masked[line] = 1;
    if (this.options.send(line, this.types[line]!)) this.stats[line]!.delivered++;
    else this.sensedMasked(line);
  }

  private sensedMasked(line: number): void {
    if (this.options.latch && this.latched[line] === 0) this.latched[line] = 1;
    else this.stats[line]!.overflowed++;
  }

  private forget(line: number): void {
    this.stats[line]!.discarded += this.latched[line]!;
    this.types[line] = IRQ_TYPE.NONE;
    this.masked[line] = 0;
    this.latched[line] = 0;
  }
}
