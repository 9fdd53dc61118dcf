import { BridgeError } from '../../base/errors.js';
import { DIRECTION, IRQ_TYPE, MSG } from '../../wire/virtio-gpio.js';
import type { LineMemory } from '../line-memory.js';
import { LineTurns } from '../line-turns.js';
import { interruptTypeName, WIRE_DIRECTION, WIRE_IRQ_TYPE } from '../line-words.js';
import type { Direction, InterruptItem, InterruptType, Level } from '../remote-gpio.js';
import type { GpioQueues } from './gpio-queues.js';

/** What a line still has at the device although it was given back while there was no channel. */
export interface Leftover {
  readonly interrupt: boolean;
  readonly direction: boolean;
}

/** The controller as line operations see it. */
export interface LineHost {
  /** The queues, or undefined while requests are not taken. */
  readonly openQueues: GpioQueues | undefined;
  /** As {@link openQueues}; throws LINK_DOWN instead, with why. */
  requireQueues(): GpioQueues;
  readonly memory: LineMemory;
  readonly name: string;
  emitNow(items: readonly InterruptItem[]): void;
}

/**
 * What callers do with lines, in the order that the device type demands (H1 to H6). What is asked
 * for is remembered when it is asked; an interrupt when it is set.
 */
export class LineOperations {
  /** To be taken from lines at the next resume. */
  readonly leftovers = new Map<number, Leftover>();
  private readonly turns = new LineTurns();

  constructor(private readonly host: LineHost) {}

  async getDirection(line: number): Promise<Direction> {
    const turn = this.turns.current(line);
    if (turn !== undefined) await turn;
    return this.readDirection(line, this.host.requireQueues());
  }

  async getValue(line: number): Promise<Level> {
    const turn = this.turns.current(line);
    if (turn !== undefined) await turn;
    const value = await this.host.requireQueues().ask({ type: MSG.GET_VALUE, line, value: 0 });
    return value === 0 ? 0 : 1;
  }

  async setValue(line: number, level: Level): Promise<void> {
    const turn = this.turns.current(line);
    if (turn !== undefined) await turn;
    const queues = this.host.requireQueues();
    const { memory } = this.host;
    const before = memory.value(line);
    memory.setValue(line, level);
    try {
      await queues.ask({ type: MSG.SET_VALUE, line, value: level });
    } catch (error) {
      if (isRefusal(error) && memory.value(line) === level) memory.setValue(line, before);
      throw error;
    }
  }

  setDirection(line: number, direction: Direction): Promise<void> {
    return this.turns.take(line, () => {
      const queues = this.host.requireQueues();
      if (direction === 'none') return this.setNoDirection(line, queues);
      return direction === 'output'
        ? this.setOutput(line, queues)
        : this.sendDirection(line, direction, queues);
    });
  }

  enableInterrupt(line: number, type: InterruptType): Promise<void> {
    return this.turns.take(line, () => this.enable(line, type, this.host.requireQueues()));
  }

  disableInterrupt(line: number): Promise<void> {
    return this.turns.take(line, async () => {
      const queues = this.host.openQueues;
      if (queues === undefined) this.disarmWithoutChannel(line);
      else await this.disarm(line, queues);
    });
  }

  releaseLine(line: number): Promise<void> {
    return this.turns.take(line, async () => {
      const queues = this.host.openQueues;
      if (queues === undefined) {
        this.disarmWithoutChannel(line);
        this.leave(line, { interrupt: false, direction: true });
        this.host.memory.forget(line);
        return;
      }
      await this.disarm(line, queues);
      this.host.memory.forget(line);
      await this.unlessChannelEnds(line, { interrupt: false, direction: true }, () =>
        this.sendNoDirection(line, queues),
      );
    });
  }

  /**
   * Arms a line anew: its buffer may be lost on the wire. What comes back with type NONE comes back
   * before its answer, so that what has not is lost for certain. What fails half way is still wanted, and
   * in {@link unarmedLines} until it is tried again.
   */
  rearm(line: number): Promise<void> {
    return this.turns.take(line, async () => {
      const queues = this.host.openQueues;
      const wire = this.host.memory.irqType(line);
      if (queues?.events === undefined || wire === IRQ_TYPE.NONE) return;
      try {
        if (queues.events.isArmed(line)) await this.setTypeNone(line, queues);
        queues.events.writeOff(line);
        await this.enable(line, interruptTypeName(wire), queues);
      } catch (error) {
        this.host.memory.setIrqType(line, wire);
        throw error;
      }
      this.host.emitNow([{ kind: 'uncounted', line }]);
    });
  }

  /** Lines whose interrupt is wanted and off: arming them anew failed half way. */
  unarmedLines(queues: GpioQueues): number[] {
    const { events } = queues;
    return events === undefined ? [] : this.host.memory.armed().filter((line) => !events.isArmed(line));
  }

  private async setNoDirection(line: number, queues: GpioQueues): Promise<void> {
    await this.disarm(line, queues);
    this.host.memory.forget(line);
    await this.sendNoDirection(line, queues);
  }

  /** NONE forgets all state of the line at the device, its interrupt too (D7). */
  private async sendNoDirection(line: number, queues: GpioQueues): Promise<void> {
    await queues.ask({ type: MSG.SET_DIRECTION, line, value: DIRECTION.NONE });
    queues.irqUnknown[line] = 0;
  }

  /** The value first (H6): 0, as in the GPIO uAPI, where none was asked for. */
  private async setOutput(line: number, queues: GpioQueues): Promise<void> {
    const { memory, name } = this.host;
    if (memory.irqType(line) !== IRQ_TYPE.NONE) {
      throw new BridgeError(
        'INVALID_ARGUMENT',
        `${name}: line ${line} has its interrupt enabled: disable that before it becomes an output`,
      );
    }
    if (memory.value(line) !== undefined) return this.sendDirection(line, 'output', queues);
    memory.setValue(line, 0);
    await Promise.all([
      queues.ask({ type: MSG.SET_VALUE, line, value: 0 }),
      this.sendDirection(line, 'output', queues),
    ]);
  }

  private async sendDirection(line: number, direction: Direction, queues: GpioQueues): Promise<void> {
    const { memory } = this.host;
    const wire = WIRE_DIRECTION[direction];
    const before = memory.direction(line);
    memory.setDirection(line, wire);
    try {
      await queues.ask({ type: MSG.SET_DIRECTION, line, value: wire });
    } catch (error) {
      if (isRefusal(error) && memory.direction(line) === wire) memory.setDirection(line, before);
      throw error;
    }
  }

  private async enable(line: number, type: InterruptType, queues: GpioQueues): Promise<void> {
    const { memory, name } = this.host;
    const { events } = queues;
    const wire = WIRE_IRQ_TYPE[type];
    if (events === undefined) {
      throw new BridgeError('NOT_SUPPORTED', `${name} has no interrupts (it does not offer F_IRQ)`);
    }
    if (events.isArmed(line) && memory.irqType(line) === wire) return;
    if (await this.isOutput(line, queues)) {
      throw new BridgeError('INVALID_ARGUMENT', `${name}: line ${line} is an output: it has no interrupts`);
    }
    // Another type goes by NONE (H4); so does one that an earlier run may have left.
    if (events.isArmed(line) || queues.irqUnknown[line] !== 0) await this.setTypeNone(line, queues);
    if (!events.canArm(line)) {
      const { eventqSize } = queues.setup;
      throw new BridgeError(
        'NOT_SUPPORTED',
        `${name}: all ${eventqSize} event buffers are in use by other lines`,
      );
    }
    queues.irqUnknown[line] = 1;
    await queues.ask({ type: MSG.SET_IRQ_TYPE, line, value: wire });
    if (!queues.alive) {
      throw new BridgeError('FIRMWARE_RESTARTED', `${name}: line ${line}: the firmware restarted meanwhile`);
    }
    memory.setIrqType(line, wire);
    this.host.emitNow([{ kind: 'enabled', line, type }]);
    queues.arm(line, wire);
  }

  /** Sets type NONE (H5) and takes the final account; nothing where the interrupt is off. */
  private async disarm(line: number, queues: GpioQueues): Promise<void> {
    if (queues.events?.isArmed(line) === true || this.host.memory.irqType(line) !== IRQ_TYPE.NONE) {
      await this.setTypeNone(line, queues);
    }
  }

  private async setTypeNone(line: number, queues: GpioQueues): Promise<void> {
    const events = queues.events!;
    const wasArmed = events.isArmed(line);
    this.host.memory.setIrqType(line, IRQ_TYPE.NONE);
    events.close(line);
    queues.irqUnknown[line] = 1;
    let counted = false;
    try {
      await this.unlessChannelEnds(line, { interrupt: true, direction: false }, async () => {
        await queues.ask({ type: MSG.SET_IRQ_TYPE, line, value: IRQ_TYPE.NONE });
        queues.irqUnknown[line] = 0;
        if (wasArmed) counted = await queues.finalAccount(line);
      });
    } finally {
      events.off(line);
      if (wasArmed) this.host.emitNow([{ kind: 'disabled', line, counted }]);
    }
  }

  /** The interrupt goes off at the next resume; after a restart it is off anyway. */
  private disarmWithoutChannel(line: number): void {
    const { memory } = this.host;
    if (memory.irqType(line) === IRQ_TYPE.NONE) return;
    memory.setIrqType(line, IRQ_TYPE.NONE);
    this.leave(line, { interrupt: true, direction: false });
    this.host.emitNow([{ kind: 'disabled', line, counted: false }]);
  }

  private leave(line: number, leftover: Leftover): void {
    const before = this.leftovers.get(line);
    this.leftovers.set(line, {
      interrupt: leftover.interrupt || before?.interrupt === true,
      direction: leftover.direction || before?.direction === true,
    });
  }

  /** What gives something back has done so when the channel or the firmware ended before. */
  private async unlessChannelEnds(
    line: number,
    leftover: Leftover,
    work: () => Promise<void>,
  ): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof BridgeError)) throw error;
      if (error.name === 'LINK_DOWN') this.leave(line, leftover);
      else if (error.name !== 'FIRMWARE_RESTARTED') throw error;
    }
  }

  private async isOutput(line: number, queues: GpioQueues): Promise<boolean> {
    const direction = this.host.memory.direction(line);
    if (direction !== undefined) return direction === DIRECTION.OUT;
    return (await this.readDirection(line, queues)) === 'output';
  }

  private async readDirection(line: number, queues: GpioQueues): Promise<Direction> {
    const wire = await queues.ask({ type: MSG.GET_DIRECTION, line, value: 0 });
    if (wire === DIRECTION.NONE) return 'none';
    if (wire === DIRECTION.OUT) return 'output';
    if (wire === DIRECTION.IN) return 'input';
    throw new BridgeError(
      'DEVICE_ERROR',
      `${this.host.name}: GET_DIRECTION of line ${line}: the coprocessor answered ${wire}, not 0 to 2`,
    );
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof BridgeError && error.name === 'DEVICE_ERROR';
}
