import { BridgeError } from '../../base/errors.js';
import { DIRECTION, IRQ_TYPE } from '../../wire/virtio-gpio.js';
import type { DriverLog } from '../driver-log.js';
import type { LineMemory } from '../line-memory.js';
import { LineTurns } from '../line-turns.js';
import { directionName, interruptTypeName, WIRE_DIRECTION, WIRE_IRQ_TYPE } from '../line-words.js';
import type { Direction, InterruptType, Level } from '../remote-gpio.js';
import { AskFailed, Refused } from './ask-errors.js';
import type { AskFailure } from './exchange.js';
import type { Interrupts } from './interrupts.js';
import type { Command, DialectRules, LineAddress, Step } from './rules.js';

/** The controller as line operations see it. */
export interface LineHost {
  readonly name: string;
  readonly port: number;
  readonly rules: DialectRules;
  readonly memory: LineMemory;
  readonly interrupts: Interrupts;
  readonly log: DriverLog;
  readonly wakeup: ReadonlySet<number>;
  /** Throws LINK_DOWN, with why, while requests are not taken. */
  requireUp(): void;
  readonly isUp: boolean;
  /** The value of the answer. Rejects with DEVICE_ERROR or as {@link AskFailure} says. `sent` is called when it leaves. */
  ask(command: Command, own: boolean, sent?: () => void): Promise<number>;
}

/**
 * What callers do with the lines of one controller, and how its lines are set again. What is asked
 * for is remembered when it is asked; an interrupt when it is set. A set that was not answered is
 * asked again, as the state that is then wanted, when nothing is owed any more.
 */
export class LineOperations {
  private readonly turns = new LineTurns();
  /** Lines of which a set has an unknown outcome. */
  private readonly dirty = new Set<number>();
  /** How often such sets were repeated in vain. */
  private readonly tries = new Map<number, number>();
  /** Optional commands that the firmware leaves unanswered. */
  private readonly unknownCommands = new Set<string>();
  /** Lines whose interrupt may be set to whatever an earlier run or a lost answer left. */
  private readonly irqUnknown: Uint8Array;
  /** Directions as the coprocessor told them or took them; 0xff: unknown. */
  private readonly directions: Uint8Array;

  constructor(private readonly host: LineHost) {
    const { lineCount } = host.memory;
    this.irqUnknown = new Uint8Array(lineCount).fill(1);
    this.directions = new Uint8Array(lineCount).fill(UNKNOWN);
  }

  async getDirection(line: number): Promise<Direction> {
    await this.turns.current(line);
    this.host.requireUp();
    return this.readDirection(line, false);
  }

  async getValue(line: number): Promise<Level> {
    await this.turns.current(line);
    this.host.requireUp();
    return this.readLevel(line, false);
  }

  async setValue(line: number, level: Level): Promise<void> {
    const { memory, rules } = this.host;
    this.host.requireUp();
    const before = memory.value(line);
    // Before anything is waited for: whatever sets the line again meanwhile sets it to this.
    memory.setValue(line, level);
    await this.turns.current(line);
    // Firmware need not keep the value of a line that is no output: it is sent with the direction.
    if (memory.direction(line) !== DIRECTION.OUT && this.directions[line] !== DIRECTION.OUT) return;
    try {
      await this.set(line, rules.setLevel(this.at(line), level), false);
    } catch (error) {
      if (error instanceof Refused && memory.value(line) === level) memory.setValue(line, before);
      throw error;
    }
  }

  setDirection(line: number, direction: Direction): Promise<void> {
    return this.turns.take(line, async () => {
      this.host.requireUp();
      if (direction === 'none') return this.giveBack(line, false);
      const { memory, name } = this.host;
      if (direction === 'output' && memory.irqType(line) !== IRQ_TYPE.NONE) {
        throw new BridgeError(
          'INVALID_ARGUMENT',
          `${name}: line ${line} has its interrupt enabled: disable that before it becomes an output`,
        );
      }
      // It is an input, and SRTM has one command for both.
      if (direction === 'input' && memory.irqType(line) !== IRQ_TYPE.NONE) return;
      const before = memory.direction(line);
      memory.setDirection(line, WIRE_DIRECTION[direction]);
      try {
        await this.direct(line, direction, false);
      } catch (error) {
        if (error instanceof Refused) memory.setDirection(line, before);
        throw error;
      }
    });
  }

  enableInterrupt(line: number, type: InterruptType): Promise<void> {
    return this.turns.take(line, async () => {
      this.host.requireUp();
      const { memory, name, interrupts } = this.host;
      const wire = WIRE_IRQ_TYPE[type];
      if (memory.irqType(line) === wire && interrupts.isOn(line)) return;
      if (await this.isOutput(line)) {
        throw new BridgeError('INVALID_ARGUMENT', `${name}: line ${line} is an output: it has no interrupts`);
      }
      if (memory.irqType(line) !== IRQ_TYPE.NONE) await this.disarm(line, false);
      await this.arm(line, type, false);
      memory.setIrqType(line, wire);
    });
  }

  disableInterrupt(line: number): Promise<void> {
    return this.turns.take(line, () => this.disarm(line, false));
  }

  releaseLine(line: number): Promise<void> {
    return this.turns.take(line, async () => {
      if (this.host.isUp) return this.giveBack(line, false);
      await this.disarm(line, false);
      this.host.memory.forget(line);
      this.dirty.add(line);
    });
  }

  /** What is in doubt is asked again, as it is wanted now; it waits until nothing is owed any more. */
  private settleDoubts(): void {
    if (!this.host.isUp) return;
    const lines = [...this.dirty];
    this.dirty.clear();
    for (const line of lines) {
      // A failure leaves the line in doubt.
      this.turns
        .take(line, () => this.setAsWanted(line))
        .then(
          () => this.tries.delete(line),
          () => {},
        );
    }
  }

  /** A set was not answered, or could not be sent: it is asked again, a few times. */
  private doubt(line: number, why: AskFailure): void {
    this.dirty.add(line);
    if (why !== 'unanswered' && why !== 'unsent') return;
    const tries = this.tries.get(line) ?? 0;
    this.tries.set(line, tries + 1);
    if (tries < MOST_TRIES) queueMicrotask(() => this.settleDoubts());
    else this.host.log('warn', `${this.host.name}: line ${line} stays in doubt: its sets are not answered`);
  }

  /**
   * Sets what is remembered of every line again, and enables its interrupt anew, for as long as
   * `isCurrent`. False when the channel ended before all was done.
   */
  async restore(isCurrent: () => boolean): Promise<boolean> {
    const { memory } = this.host;
    this.irqUnknown.fill(1);
    this.directions.fill(UNKNOWN);
    const lines = new Set([...memory.remembered(), ...this.dirty]);
    this.dirty.clear();
    this.tries.clear();
    this.unknownCommands.clear();
    for (const line of lines) {
      if (isCurrent()) await this.restoreLine(line, isCurrent);
      if (isCurrent()) continue;
      for (const left of lines) this.dirty.add(left);
      return false;
    }
    return isCurrent();
  }

  /**
   * The lines that are driven when this driver comes first: an earlier run left them so. As far as
   * the firmware tells directions.
   */
  async standingOutputs(isCurrent: () => boolean): Promise<number[]> {
    const { memory, rules } = this.host;
    const outputs: number[] = [];
    for (let line = 0; line < memory.lineCount && isCurrent(); line++) {
      try {
        const value = await this.host.ask(rules.readDirection(this.at(line)), true);
        if (rules.directionOf(value) !== 'output') continue;
        outputs.push(line);
        this.directions[line] = DIRECTION.OUT;
      } catch (error) {
        // Of one line it may say nothing; what has no such command says nothing of any.
        if (!(error instanceof Refused) || rules.lacksDirection(error.status)) break;
      }
    }
    return outputs;
  }

  /** A reply that stays away says nothing of the line: it is tried again before it is given up. */
  private async restoreLine(line: number, isCurrent: () => boolean): Promise<void> {
    const { memory, interrupts, log } = this.host;
    for (let tries = 1; isCurrent(); tries++) {
      try {
        await this.setAsWanted(line);
        const wire = memory.irqType(line);
        if (wire !== IRQ_TYPE.NONE) await this.arm(line, interruptTypeName(wire), true);
        return;
      } catch (error) {
        if (!(error instanceof BridgeError)) throw error;
        // The next channel tries again.
        if (error.name === 'LINK_DOWN' || !isCurrent()) return;
        log('warn', `${error.message}, while lines were set again`);
        if (error.name === 'TIMEOUT' && tries <= MOST_TRIES) continue;
        if (memory.irqType(line) === IRQ_TYPE.NONE || interrupts.isOn(line)) return;
        memory.setIrqType(line, IRQ_TYPE.NONE);
        interrupts.lost(line);
        return;
      }
    }
  }

  private async setAsWanted(line: number): Promise<void> {
    const { memory, interrupts } = this.host;
    const wire = memory.direction(line);
    const direction = wire === undefined ? 'none' : directionName(wire)!;
    if (memory.irqType(line) === IRQ_TYPE.NONE) {
      // An output has no interrupt, and SRTM's way to switch one off would make it an input.
      if (direction !== 'output' && this.irqUnknown[line] === 1) await this.switchOff(line, true);
      if (wire !== undefined && direction !== 'none') await this.direct(line, direction, true);
      else await this.carryOut(line, this.host.rules.toNone(this.at(line), true), true);
    } else if (!interrupts.isOn(line) && direction !== 'none') await this.direct(line, direction, true);
  }

  private async direct(line: number, direction: 'input' | 'output' | 'none', own: boolean): Promise<void> {
    const { rules, memory } = this.host;
    const at = this.at(line);
    if (direction === 'output' && memory.value(line) === undefined) memory.setValue(line, 0);
    const level: Level = memory.value(line) === 1 ? 1 : 0;
    const steps = direction === 'output' ? rules.toOutput(at, level) : rules.toInput(at);
    try {
      await this.carryOut(line, steps, own);
    } catch (error) {
      if (!(error instanceof Refused) || direction !== 'output' || this.irqUnknown[line] === 0) throw error;
      // An earlier run may have left its interrupt on, and with that it can be no output.
      await this.switchOff(line, own);
      await this.carryOut(line, steps, own);
    }
    this.directions[line] = WIRE_DIRECTION[direction];
  }

  private async giveBack(line: number, own: boolean): Promise<void> {
    await this.disarm(line, own);
    const { memory, rules } = this.host;
    const wasOutput = memory.direction(line) === DIRECTION.OUT || this.directions[line] === DIRECTION.OUT;
    memory.forget(line);
    this.directions[line] = UNKNOWN;
    await this.unlessChannelEnds(line, () =>
      this.carryOut(line, rules.toNone(this.at(line), wasOutput), own),
    );
  }

  /** Enables an interrupt that is off, or that may be what an earlier run left. */
  private async arm(line: number, type: InterruptType, own: boolean): Promise<void> {
    const { rules, interrupts, wakeup } = this.host;
    const at = this.at(line);
    if (this.irqUnknown[line] === 1) await this.switchOff(line, own);
    const level = type === 'both' ? await this.tryLevel(line, own) : null;
    await this.carryOut(line, rules.beforeEnable(at, wakeup.has(line)), own);
    this.irqUnknown[line] = 1;
    try {
      const sent = (): void => interrupts.enabling(line, type, level);
      await this.set(line, rules.unmask(at, type, wakeup.has(line)), own, sent);
    } catch (error) {
      interrupts.notEnabled(line);
      throw error;
    }
    this.irqUnknown[line] = 0;
    interrupts.enabled(line);
  }

  private async disarm(line: number, own: boolean): Promise<void> {
    const { memory, interrupts } = this.host;
    if (memory.irqType(line) === IRQ_TYPE.NONE) return;
    memory.setIrqType(line, IRQ_TYPE.NONE);
    interrupts.closing(line);
    this.irqUnknown[line] = 1;
    try {
      if (this.host.isUp) await this.unlessChannelEnds(line, () => this.switchOff(line, own));
      else this.dirty.add(line);
    } finally {
      interrupts.closed(line);
    }
  }

  private async switchOff(line: number, own: boolean): Promise<void> {
    const { rules, wakeup } = this.host;
    await this.carryOut(line, rules.disable(this.at(line), wakeup.has(line)), own);
    this.irqUnknown[line] = 0;
  }

  private async carryOut(line: number, steps: readonly Step[], own: boolean): Promise<void> {
    for (const { command, optional } of steps) {
      if (optional === true) await this.tryCommand(command, own);
      else await this.set(line, command, own);
    }
  }

  /** Firmware that leaves such a command unanswered is not asked again: it costs a time limit. */
  private async tryCommand(command: Command, own: boolean): Promise<void> {
    const key = `${command.cmd}:${command.value}`;
    if (this.unknownCommands.has(key)) return;
    try {
      await this.host.ask(command, own);
    } catch (error) {
      if (error instanceof Refused) return;
      if (!(error instanceof AskFailed) || error.why !== 'unanswered') throw error;
      this.unknownCommands.add(key);
    }
  }

  /** A request that changes something: without an answer the line is in doubt. */
  private async set(line: number, command: Command, own: boolean, sent?: () => void): Promise<void> {
    try {
      await this.host.ask(command, own, sent);
    } catch (error) {
      if (error instanceof AskFailed) this.doubt(line, error.why);
      throw error;
    }
  }

  /** What gives something back has done so when the channel ended before: it is done on the next one. */
  private async unlessChannelEnds(line: number, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof BridgeError) || error.name !== 'LINK_DOWN') throw error;
      this.dirty.add(line);
    }
  }

  private async isOutput(line: number): Promise<boolean> {
    const direction = this.host.memory.direction(line);
    if (direction !== undefined) return direction === DIRECTION.OUT;
    return (await this.readDirection(line, false)) === 'output';
  }

  private async readDirection(line: number, own: boolean): Promise<Direction> {
    const { rules, memory, name } = this.host;
    const command = rules.readDirection(this.at(line));
    let value: number;
    try {
      value = await this.host.ask(command, own);
    } catch (error) {
      if (!(error instanceof Refused) || !rules.lacksDirection(error.status)) throw error;
      // What this driver made of the line is all that can be known.
      return directionName(memory.direction(line) ?? DIRECTION.NONE)!;
    }
    const direction = rules.directionOf(value);
    if (direction === undefined) {
      throw new BridgeError(
        'DEVICE_ERROR',
        `${name}: ${rules.describe(command)}: the coprocessor answered ${value}, which is no direction`,
      );
    }
    this.directions[line] = WIRE_DIRECTION[direction];
    return direction;
  }

  private async readLevel(line: number, own: boolean): Promise<Level> {
    const value = await this.host.ask(this.host.rules.readValue(this.at(line)), own);
    return value === 0 ? 0 : 1;
  }

  /** Null where the coprocessor refuses. */
  private async tryLevel(line: number, own: boolean): Promise<Level | null> {
    try {
      return await this.readLevel(line, own);
    } catch (error) {
      if (error instanceof Refused) return null;
      throw error;
    }
  }

  private at(line: number): LineAddress {
    return { port: this.host.port, line };
  }
}

const UNKNOWN = 0xff;
/** Repeats of a set that stays unanswered, until the next channel. */
const MOST_TRIES = 3;
