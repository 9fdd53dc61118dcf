import { nodeTimers, type Timers } from '../base/clock.js';
import { BridgeError } from '../base/errors.js';
import type { DirectionValue, LevelBit, LineBackend, LineState } from '../device/line-backend.js';
import type { Chip } from '../gpio/chip.js';
import { DIRECTION, IRQ_TYPE } from '../wire/virtio-gpio.js';
import { type EdgeSink, type GuestCounters, GuestLine, type GuestLineContext } from './guest-line.js';
import { needsLine } from './line-state.js';

export interface ChipLinesOptions {
  /** Whose requests these are, as others see it. */
  readonly consumer: string;
  /** By offset; undefined: unnamed. What the guest was told of the lines. */
  readonly names: readonly (string | undefined)[];
  /** The chip as it is now; undefined while there is none of its name. */
  readonly chip: () => Chip | undefined;
  /** Requests wait for it: the chip may be on its way. Never rejects. */
  readonly arrived: Promise<void>;
  readonly counters: GuestCounters;
  readonly timers?: Timers;
  /** Pause before a line that could not be restored, or a level that could not be read, is tried again, ms. */
  readonly retryMs: number;
}

export function newGuestCounters(): GuestCounters {
  return { edges_lost: 0, unknown_losses: 0, lines_taken: 0 };
}

/**
 * The lines of a chip behind a virtio-gpio device model: what the model is asked for by a guest becomes
 * requests of the chip's lines. A line is requested with the first direction, or interrupt, that it is given, and
 * released with direction NONE or a reset; asking for directions and values requests nothing.
 */
export class ChipLines implements LineBackend {
  private readonly lines = new Map<number, GuestLine>();
  private readonly context: GuestLineContext;
  private device: EdgeSink | undefined;

  constructor(private readonly options: ChipLinesOptions) {
    this.context = {
      consumer: options.consumer,
      chipFor: (line) => this.chipFor(line),
      device: {
        edge: (line, level, timeNs, missed) => this.device?.edge(line, level, timeNs, missed),
        setLevel: (line, level) => this.device?.setLevel(line, level),
      },
      counters: options.counters,
      timers: options.timers ?? nodeTimers,
      retryMs: options.retryMs,
    };
  }

  /** The model that edges go to from now on. */
  connect(device: EdgeSink): void {
    this.device = device;
  }

  /** Offsets of the lines that are requested now, in ascending order. */
  get requested(): number[] {
    return [...this.lines]
      .filter(([, line]) => line.isRequested)
      .map(([offset]) => offset)
      .sort((a, b) => a - b);
  }

  setDirection(line: number, direction: DirectionValue, value: LevelBit): void | Promise<void> {
    if (direction === DIRECTION.NONE) return this.line(line).giveBack({ direction, value: 0 });
    const wanted = direction === DIRECTION.OUT ? { direction, value } : { direction };
    return this.line(line).take(wanted);
  }

  setValue(line: number, value: LevelBit): Promise<void> {
    return this.line(line).setValue(value);
  }

  getValue(line: number): Promise<LevelBit> {
    return this.line(line).getValue();
  }

  setInterrupt(line: number, irqType: number): void | Promise<void> {
    if (irqType === IRQ_TYPE.NONE) return this.line(line).giveBack({ irqType });
    return this.line(line).take({ irqType });
  }

  /** Linux takes NONE for an error: a line that the guest has not configured is an input, or what another made it. */
  unsetDirection(line: number): DirectionValue {
    const chip = this.options.chip();
    if (chip === undefined || line >= chip.lineCount) return DIRECTION.IN;
    const { used, direction } = chip.lineInfo(line);
    return used && direction === 'output' ? DIRECTION.OUT : DIRECTION.IN;
  }

  refreshLevel(line: number): void {
    this.line(line).refreshLevel();
  }

  /** Gives every line back, after what is under way; what is asked for afterwards waits for that. */
  reset(): void {
    for (const line of this.lines.values()) line.release();
  }

  /**
   * The guest has made the line this before now, and does not know that it was ever away. `told`: the level that it
   * knows of the line, if any; asked once the line is at hand.
   */
  restore(line: number, state: LineState, told: () => LevelBit | undefined): void {
    if (!needsLine(state)) return;
    if (state.irqType !== IRQ_TYPE.NONE) this.options.counters.unknown_losses++;
    this.line(line).restore(state, told);
  }

  private line(offset: number): GuestLine {
    let line = this.lines.get(offset);
    if (line === undefined) {
      line = new GuestLine(offset, this.context);
      this.lines.set(offset, line);
    }
    return line;
  }

  /** The chip, if the line of this offset is still the one that the guest knows. */
  private async chipFor(line: number): Promise<Chip> {
    await this.options.arrived;
    const chip = this.options.chip();
    if (chip === undefined) throw new BridgeError('LINE_GONE', 'there is no such chip now');
    // While the coprocessor has not described itself again, the chip's own answer says why.
    if (chip.lineCount > 0 && chip.lineInfo(line).name !== this.options.names[line]) {
      throw new BridgeError('LINE_GONE', `line ${line} of chip '${chip.name}' is another one now`);
    }
    return chip;
  }
}
