import type { Direction, InterruptType, Level, RemoteGpio } from './remote-gpio.js';

/** What a controller does with one of its lines; the part of {@link RemoteGpio} that programs ask for. */
export type LineRequests = Pick<
  RemoteGpio,
  | 'getDirection'
  | 'setDirection'
  | 'getValue'
  | 'setValue'
  | 'enableInterrupt'
  | 'disableInterrupt'
  | 'releaseLine'
>;

/** The face of a controller towards programs: every request is of a line that is there, or rejects. */
export abstract class LineFace implements LineRequests {
  protected abstract readonly operations: LineRequests;

  /** Throws INVALID_ARGUMENT. */
  protected abstract checkLine(line: number): void;

  async getDirection(line: number): Promise<Direction> {
    this.checkLine(line);
    return this.operations.getDirection(line);
  }

  async setDirection(line: number, direction: Direction): Promise<void> {
    this.checkLine(line);
    return this.operations.setDirection(line, direction);
  }

  async getValue(line: number): Promise<Level> {
    this.checkLine(line);
    return this.operations.getValue(line);
  }

  async setValue(line: number, level: Level): Promise<void> {
    this.checkLine(line);
    return this.operations.setValue(line, level);
  }

  async enableInterrupt(line: number, type: InterruptType): Promise<void> {
    this.checkLine(line);
    return this.operations.enableInterrupt(line, type);
  }

  async disableInterrupt(line: number): Promise<void> {
    this.checkLine(line);
    return this.operations.disableInterrupt(line);
  }

  async releaseLine(line: number): Promise<void> {
    this.checkLine(line);
    return this.operations.releaseLine(line);
  }
}
