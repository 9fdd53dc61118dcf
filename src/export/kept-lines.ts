import type { LevelBit, LineState } from '../device/line-backend.js';
import { IRQ_TYPE } from '../wire/virtio-gpio.js';
import { packState, unpackState } from './line-state.js';

/** A level that was told, as a byte: 0 is that none is known. */
const LOW = 1;

/**
 * What is kept of a guest's lines over a death of this process, in bytes that outlive it: what the guest has made
 * of each line, and, where both edges are enabled, the level after all edges that it was told of. Zeros: nothing.
 */
export class KeptLines {
  private readonly levels: Uint8Array;

  /** Bytes for so many lines. */
  static length(lineCount: number): number {
    return 2 * lineCount;
  }

  constructor(
    private readonly bytes: Uint8Array,
    readonly lineCount: number,
  ) {
    this.levels = bytes.subarray(lineCount);
  }

  /** Undefined: the guest has made nothing of the line. */
  stateOf(line: number): LineState | undefined {
    return this.bytes[line] === 0 ? undefined : unpackState(this.bytes[line]!);
  }

  keepState(line: number, state: LineState): void {
    this.bytes[line] = packState(state);
    if (state.irqType !== IRQ_TYPE.EDGE_BOTH) this.levels[line] = 0;
  }

  toldLevel(line: number): LevelBit | undefined {
    const told = this.levels[line]!;
    return told === 0 ? undefined : ((told - LOW) as LevelBit);
  }

  keepLevel(line: number, level: LevelBit | undefined): void {
    this.levels[line] = level === undefined ? 0 : LOW + level;
  }
}
