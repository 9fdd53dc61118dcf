import type { GpioDevice } from '../../src/device/gpio-device.js';
import type { DirectionValue, LevelBit, LineBackend } from '../../src/device/line-backend.js';
import { DIRECTION, IRQ_TYPE, MSG } from '../../src/wire/virtio-gpio.js';
import { requestKey } from './script.js';

/** What became of a recorded edge. */
export type Played = 'played' | 'not-enabled' | 'repeated';

/** More than half of all numbers ahead is behind. */
const HALF = 0x8000_0000;

/**
 * The lines of one controller as they were recorded: answers what the recorded firmware answered, and
 * turns recorded edges and their numbers into edges of the device model.
 */
export class ReplayedLines implements LineBackend {
  private device: GpioDevice | undefined;
  private readonly levels: Uint8Array;
  private readonly driven: Uint8Array;
  private readonly directions: Uint8Array;
  /** IRQ_TYPE that the present driver set. */
  private readonly types: Uint8Array;
  /** IRQ_TYPE that the recorded driver set. */
  private readonly recordedTypes: Uint8Array;
  /** Number of the last recorded edge since its interrupt was enabled. */
  private readonly recordedSeqs: Uint32Array;
  /** Level right after the last edge given to the device, or at enabling. */
  private readonly edgeLevels: Uint8Array;
  /** Requests that were refused where the script is now. */
  private readonly refused = new Set<string>();

  /** `enabled` is called when the driver enabled an interrupt. */
  constructor(
    lineCount: number,
    private readonly enabled: () => void,
  ) {
    this.levels = new Uint8Array(lineCount);
    this.driven = new Uint8Array(lineCount);
    this.directions = new Uint8Array(lineCount);
    this.types = new Uint8Array(lineCount);
    this.recordedTypes = new Uint8Array(lineCount);
    this.recordedSeqs = new Uint32Array(lineCount);
    this.edgeLevels = new Uint8Array(lineCount);
  }

  connect(device: GpioDevice): void {
    this.device = device;
  }

  /** The line has this level, and nobody senses an edge. */
  setLevel(line: number, level: number): void {
    this.levels[line] = level;
    if (this.directions[line] !== DIRECTION.OUT) this.device!.setLevel(line, level);
  }

  /** From here on the recorded numbers of the line begin anew. */
  recordedEnable(line: number, type: number): void {
    this.recordedTypes[line] = type;
    this.recordedSeqs[line] = 0;
  }

  recordedDisable(line: number): void {
    this.recordedTypes[line] = IRQ_TYPE.NONE;
  }

  /** From here on such requests are refused, or not. */
  answered(line: number, request: string, refused: boolean): void {
    const key = `${line} ${request}`;
    if (refused) this.refused.add(key);
    else if (this.refused.size > 0) this.refused.delete(key);
  }

  /** A recorded edge happens now; without a number it is the next one, without a level the other one. */
  play(line: number, level: number | undefined, seq: number | undefined, deviceNs: number): Played {
    const missed = this.missedBefore(line, seq);
    if (missed === undefined) return 'repeated';
    const after = level ?? this.unseenLevel(line);
    const type = this.types[line]!;
    if (type === IRQ_TYPE.NONE || type >= IRQ_TYPE.LEVEL_HIGH) {
      this.setLevel(line, after);
      return 'not-enabled';
    }
    this.levels[line] = after;
    const device = this.device!;
    if (type === IRQ_TYPE.EDGE_BOTH) {
      // With an unchanged level the device counts one edge more by itself.
      const before = this.edgeLevels[line]! ^ (missed & 1);
      device.edge(line, after, deviceNs, before === after && missed > 0 ? missed - 1 : missed);
    } else {
      device.edge(line, after, deviceNs, this.missedOfType(line, type, after, missed));
    }
    this.edgeLevels[line] = after;
    return 'played';
  }

  /** The recorded firmware told the number of its last edge, while the interrupt was on (`tellNow`) or at the end. */
  account(line: number, level: number, seq: number, tellNow: boolean): void {
    const jump = this.jumpTo(line, seq);
    if (jump > 0 && jump < HALF) {
      this.recordedSeqs[line] = seq;
      this.device!.missed(line, this.missedOfType(line, this.types[line]!, 1 - level, jump), tellNow);
      this.edgeLevels[line] = this.edgeLevels[line]! ^ (jump & 1);
    }
    this.setLevel(line, level);
  }

  // LineBackend

  setDirection(line: number, direction: DirectionValue, value: LevelBit): void {
    this.check(line, MSG.SET_DIRECTION, direction);
    this.directions[line] = direction;
    this.driven[line] = value;
    if (direction !== DIRECTION.OUT) this.device!.setLevel(line, this.levels[line]!);
  }

  setValue(line: number, value: LevelBit): void {
    this.check(line, MSG.SET_VALUE, value);
    this.driven[line] = value;
  }

  getValue(line: number): LevelBit {
    this.check(line, MSG.GET_VALUE, 0);
    return this.levels[line] as LevelBit;
  }

  setInterrupt(line: number, type: number): void {
    this.check(line, MSG.SET_IRQ_TYPE, type);
    this.types[line] = type;
    this.edgeLevels[line] = this.levels[line]!;
    if (type !== IRQ_TYPE.NONE) this.enabled();
  }

  reset(): void {
    this.directions.fill(DIRECTION.NONE);
    this.driven.fill(0);
    this.types.fill(IRQ_TYPE.NONE);
  }

  /** What is thrown here becomes the status ERR. */
  private check(line: number, type: number, value: number): void {
    if (this.refused.size > 0 && this.refused.has(`${line} ${requestKey(type, value)}`)) {
      throw new Error('refused in the trace');
    }
  }

  /** Edges that the number says came before this one; undefined for one that came before already. */
  private missedBefore(line: number, seq: number | undefined): number | undefined {
    if (seq === undefined) return 0;
    const jump = this.jumpTo(line, seq);
    if (jump === 0 || jump >= HALF) return undefined;
    this.recordedSeqs[line] = seq;
    return jump - 1;
  }

  private jumpTo(line: number, seq: number): number {
    return (seq - this.recordedSeqs[line]!) >>> 0;
  }

  /** Of missed edges of the recorded type, those of the type that is enabled now. */
  private missedOfType(line: number, type: number, next: number, missed: number): number {
    if (type === IRQ_TYPE.EDGE_BOTH || this.recordedTypes[line] !== IRQ_TYPE.EDGE_BOTH) return missed;
    // They alternated, and the last one went away from the level of the next.
    const wanted = type === IRQ_TYPE.EDGE_RISING ? 1 : 0;
    return next === wanted ? missed >> 1 : (missed + 1) >> 1;
  }

  private unseenLevel(line: number): number {
    const type = this.recordedTypes[line];
    if (type === IRQ_TYPE.EDGE_RISING) return 1;
    return type === IRQ_TYPE.EDGE_FALLING ? 0 : 1 - this.levels[line]!;
  }
}
