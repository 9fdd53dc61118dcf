import type { MessageDialect } from '../dialect.js';
import type { Direction, InterruptType, Level } from '../remote-gpio.js';

/** One request of a dialect of messages, before it is bytes. */
export interface Command {
  /** As the dialect numbers its commands. */
  readonly cmd: number;
  /** SRTM's port; 0 elsewhere. */
  readonly port: number;
  readonly line: number;
  readonly value: number;
  /** SRTM alone: the line may wake the system up. */
  readonly wakeup?: boolean;
}

/** A command of a procedure. */
export interface Step {
  readonly command: Command;
  /** Simple firmware may refuse it, and the procedure goes on. */
  readonly optional?: boolean;
}

/** What firmware sent. */
export type Inbound =
  | {
      readonly kind: 'reply';
      /** 0: done; anything else: refused. */
      readonly status: number;
      readonly value: number;
      /** Which request it answers, where the dialect says so. */
      readonly to?: Pick<Command, 'cmd' | 'port' | 'line'>;
    }
  | { readonly kind: 'interrupt'; readonly port: number; readonly line: number }
  /** No message of the dialect: one counter for each reason. */
  | { readonly kind: 'dropped'; readonly reason: string };

export interface LineAddress {
  readonly port: number;
  readonly line: number;
}

/** What is particular about a dialect of messages: its bytes, and how the same things are asked in it. */
export interface DialectRules {
  readonly dialect: MessageDialect;
  /** Whether a reply says which request it answers. */
  readonly tagged: boolean;
  encode(command: Command): Uint8Array;
  /** Never throws. */
  decode(packet: Uint8Array): Inbound;
  /** For messages: `SET_VALUE 1 of line 3`. */
  describe(command: Command): string;

  /** A read that every firmware answers, and that changes nothing. */
  probe(at: LineAddress): Command;
  readDirection(at: LineAddress): Command;
  /** Undefined where the value is none that the dialect knows. */
  directionOf(value: number): Direction | undefined;
  /** Whether this refusal of {@link readDirection} says that the firmware has no such command. */
  lacksDirection(status: number): boolean;
  readValue(at: LineAddress): Command;
  /** Of a line that is an output. */
  setLevel(at: LineAddress, level: Level): Command;
  toOutput(at: LineAddress, level: Level): readonly Step[];
  toInput(at: LineAddress): readonly Step[];
  /** As little as the dialect can ask of a line that nobody uses. */
  toNone(at: LineAddress, wasOutput: boolean): readonly Step[];
  /** Enables the interrupt, or unmasks one that is enabled. */
  unmask(at: LineAddress, type: InterruptType, wakeup: boolean): Command;
  /** What goes before {@link unmask} when an interrupt is enabled. */
  beforeEnable(at: LineAddress, wakeup: boolean): readonly Step[];
  /** Switches the interrupt off. */
  disable(at: LineAddress, wakeup: boolean): readonly Step[];
}
