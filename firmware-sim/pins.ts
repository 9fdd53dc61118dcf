import type { DirectionValue, LevelBit, LineBackend } from '../src/device/line-backend.js';
import { DIRECTION } from '../src/wire/virtio-gpio.js';

/** Firmware's side of the pins of one controller. */
export interface PinSensor {
  /** The line changed to `level` at `timeNs` of the device clock. */
  edge(line: number, level: number, timeNs: number): void;
  /** The line has this level, and no edge was sensed. */
  setLevel(line: number, level: number): void;
}

/** What a pin was told by the firmware. */
export type OutputListener = (line: number, direction: DirectionValue, level: LevelBit) => void;

/**
 * The pins of one controller: what the world outside applies to them, and what the firmware
 * drives. The world outlives restarts of the firmware; what the firmware drives does not.
 */
export class SimulatedPins implements LineBackend {
  /** Applied from outside, by stimuli or by hand; an output does not show it. */
  private readonly applied: Uint8Array;
  private readonly driven: Uint8Array;
  private readonly directions: Uint8Array;
  private sensor: PinSensor | undefined;

  constructor(
    readonly count: number,
    private readonly outputChanged: OutputListener,
  ) {
    this.applied = new Uint8Array(count);
    this.driven = new Uint8Array(count);
    this.directions = new Uint8Array(count);
  }

  /** The firmware that is told of every change from now on. */
  connect(sensor: PinSensor): void {
    this.sensor = sensor;
    for (let line = 0; line < this.count; line++) sensor.setLevel(line, this.level(line));
  }

  level(line: number): LevelBit {
    return (this.isOutput(line) ? this.driven[line] : this.applied[line]) as LevelBit;
  }

  direction(line: number): DirectionValue {
    return this.directions[line] as DirectionValue;
  }

  /** Applies a level from outside at `timeNs` of the device clock. */
  apply(line: number, level: number, timeNs: number): void {
    if (this.applied[line] === level) return;
    this.applied[line] = level;
    if (!this.isOutput(line)) this.sensor?.edge(line, level, timeNs);
  }

  /** Applies the opposite of what is applied. */
  toggle(line: number, timeNs: number): void {
    this.apply(line, 1 - this.applied[line]!, timeNs);
  }

  setDirection(line: number, direction: DirectionValue, value: LevelBit): void {
    const wasOutput = this.isOutput(line);
    this.directions[line] = direction;
    this.driven[line] = value;
    this.sensor?.setLevel(line, this.level(line));
    if (wasOutput || direction === DIRECTION.OUT) this.outputChanged(line, direction, this.level(line));
  }

  setValue(line: number, value: LevelBit): void {
    this.driven[line] = value;
    this.sensor?.setLevel(line, value);
    this.outputChanged(line, DIRECTION.OUT, value);
  }

  getValue(line: number): LevelBit {
    return this.level(line);
  }

  reset(): void {
    for (let line = 0; line < this.count; line++) {
      if (this.directions[line] !== DIRECTION.NONE) this.setDirection(line, DIRECTION.NONE, 0);
    }
  }

  private isOutput(line: number): boolean {
    return this.directions[line] === DIRECTION.OUT;
  }
}
