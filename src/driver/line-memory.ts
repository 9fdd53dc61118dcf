import { DIRECTION, IRQ_TYPE } from '../wire/virtio-gpio.js';

const UNSET = 0xff;

/** What was last asked for each line, as wire values: set again after a restart of the firmware. */
export class LineMemory {
  private readonly values: Uint8Array;
  private readonly directions: Uint8Array;
  private readonly irqTypes: Uint8Array;

  constructor(readonly lineCount: number) {
    this.values = new Uint8Array(lineCount).fill(UNSET);
    this.directions = new Uint8Array(lineCount).fill(UNSET);
    this.irqTypes = new Uint8Array(lineCount);
  }

  /** 0 or 1; undefined: never asked for. */
  value(line: number): number | undefined {
    return known(this.values[line]!);
  }

  setValue(line: number, value: number | undefined): void {
    this.values[line] = value ?? UNSET;
  }

  /** One of DIRECTION; undefined: never asked for. */
  direction(line: number): number | undefined {
    return known(this.directions[line]!);
  }

  setDirection(line: number, direction: number | undefined): void {
    this.directions[line] = direction ?? UNSET;
  }

  /** One of IRQ_TYPE; NONE: no interrupt is wanted. */
  irqType(line: number): number {
    return this.irqTypes[line]!;
  }

  setIrqType(line: number, type: number): void {
    this.irqTypes[line] = type;
  }

  forget(line: number): void {
    this.values[line] = UNSET;
    this.directions[line] = UNSET;
    this.irqTypes[line] = IRQ_TYPE.NONE;
  }

  /** Lines of which something is remembered that a reset device does not have anyway. */
  remembered(): number[] {
    const lines: number[] = [];
    for (let line = 0; line < this.lineCount; line++) {
      const direction = this.directions[line]!;
      const directed = direction !== UNSET && direction !== DIRECTION.NONE;
      if (directed || this.values[line] !== UNSET || this.irqTypes[line] !== IRQ_TYPE.NONE) lines.push(line);
    }
    return lines;
  }

  /** Lines whose interrupt is wanted. */
  armed(): number[] {
    return this.remembered().filter((line) => this.irqTypes[line] !== IRQ_TYPE.NONE);
  }

  /** The same for a controller of another shape, with only the lines that `keeps` names. */
  reshaped(lineCount: number, keeps: (line: number) => boolean): LineMemory {
    const next = new LineMemory(lineCount);
    for (const line of this.remembered()) {
      if (line >= lineCount || !keeps(line)) continue;
      next.values[line] = this.values[line]!;
      next.directions[line] = this.directions[line]!;
      next.irqTypes[line] = this.irqTypes[line]!;
    }
    return next;
  }
}

function known(value: number): number | undefined {
  return value === UNSET ? undefined : value;
}
