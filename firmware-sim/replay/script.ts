import type { Spoken, SpokenBuffer } from '../../src/trace/conversation.js';
import { TraceSpeech } from '../../src/trace/trace-speech.js';
import type { TraceRecord } from '../../src/wire/trace/record.js';
import { IRQ_STATUS, IRQ_TYPE, MSG, RESPONSE, STATUS } from '../../src/wire/virtio-gpio.js';

/** A line of a controller. */
export interface LineOf {
  readonly devNum: number;
  readonly line: number;
}

/** What the recorded firmware did, or what of the recorded driver its doings depend on. */
export type ScriptAction =
  /** The firmware that says HELLO from here on is another boot; 0 is the first. */
  | { readonly kind: 'boot'; readonly boot: number }
  /** The same boot on a new channel. */
  | { readonly kind: 'channel' }
  | ({ readonly kind: 'enabled'; readonly type: number } & LineOf)
  | ({ readonly kind: 'disabled' } & LineOf)
  /** `level`, `seq` and `deviceNs` are undefined without EVENT_STAMP. */
  | ({
      readonly kind: 'edge';
      readonly level: number | undefined;
      readonly seq: number | undefined;
      readonly deviceNs: bigint | undefined;
    } & LineOf)
  /** A buffer that came back INVALID and says how many edges there were; `final` where the interrupt is off. */
  | ({
      readonly kind: 'account';
      readonly level: number;
      readonly seq: number;
      readonly final: boolean;
    } & LineOf)
  /** The answer to a GET_VALUE. */
  | ({ readonly kind: 'level'; readonly level: number } & LineOf)
  /** Whether a request was refused. */
  | ({ readonly kind: 'answered'; readonly request: string; readonly refused: boolean } & LineOf)
  | { readonly kind: 'log'; readonly level: number; readonly text: string }
  | { readonly kind: 'needs-reset'; readonly devNum: number }
  /** Bytes that arrived as no frame. */
  | { readonly kind: 'damage'; readonly bytes: Uint8Array };

export interface ScriptStep {
  /** Time of the trace, ns. */
  readonly atNs: bigint;
  readonly action: ScriptAction;
}

/** How a request is told from others: the same one again is answered alike. */
export function requestKey(type: number, value: number): string {
  const reads = type === MSG.GET_DIRECTION || type === MSG.GET_VALUE;
  return reads ? `${type}` : `${type}:${value}`;
}

/**
 * Turns the records of one coprocessor, in order, into the script of its firmware. Only what arrived
 * is in it: a frame that was damaged on the way came again later, and stands where it was delivered.
 */
export class ScriptWriter {
  /** Boots begun so far, by their boot_id; the last is the present one. */
  readonly bootIds: number[] = [];
  private readonly speech = new TraceSpeech();
  private newChannel = false;
  /** Lines whose interrupt is on, by {@link keyOf}; while NONE is being set it counts as off. */
  private readonly enabled = new Set<number>();

  /** The steps that a record comes to, and what it says. */
  take(record: TraceRecord): { readonly steps: readonly ScriptStep[]; readonly spoken: Spoken | undefined } {
    const actions: ScriptAction[] = [];
    const spoken = this.speech.of(record);
    if (record.kind === 'damaged') actions.push({ kind: 'damage', bytes: record.bytes });
    else if (record.kind === 'state') this.newChannel ||= record.state === 'up';
    else if (record.kind === 'frame' && spoken !== undefined) {
      if (record.fate === 'sent') this.takeSent(spoken);
      else if (record.fate === 'delivered') this.takeDelivered(spoken, actions);
    }
    return { steps: actions.map((action) => ({ atNs: record.atNs, action })), spoken };
  }

  private takeSent({ message, buffers }: Spoken): void {
    if (message.type !== 'vq-avail') return;
    for (const buffer of buffers) {
      if (buffer.kind !== 'request' || buffer.request === undefined) continue;
      const { type, gpio, value } = buffer.request;
      const turnsOff = type === MSG.SET_IRQ_TYPE && value === IRQ_TYPE.NONE;
      if (turnsOff) this.enabled.delete(keyOf(message.devNum, gpio));
    }
  }

  private takeDelivered({ message, buffers }: Spoken, actions: ScriptAction[]): void {
    switch (message.type) {
      case 'hello-response':
        this.takeHello(message.bootId, message.resumed, actions);
        return;
      case 'log':
        actions.push({ kind: 'log', level: message.level, text: message.text });
        return;
      case 'event-config':
        if ((message.status & STATUS.NEEDS_RESET) !== 0)
          actions.push({ kind: 'needs-reset', devNum: message.devNum });
        return;
      case 'vq-used':
        for (const buffer of buffers) this.takeUsed(message.devNum, buffer, actions);
    }
  }

  private takeHello(bootId: number, resumed: number, actions: ScriptAction[]): void {
    const isNew = this.bootIds[this.bootIds.length - 1] !== bootId;
    if (isNew) this.bootIds.push(bootId);
    if (isNew || resumed === 0) this.enabled.clear();
    if (isNew) actions.push({ kind: 'boot', boot: this.bootIds.length - 1 });
    else if (this.newChannel) actions.push({ kind: 'channel' });
    this.newChannel = false;
  }

  private takeUsed(devNum: number, buffer: SpokenBuffer, actions: ScriptAction[]): void {
    if (buffer.kind === 'event') {
      if (buffer.line !== undefined) this.takeEvent(devNum, buffer.line, buffer, actions);
      return;
    }
    if (buffer.kind !== 'response' || buffer.request === undefined) return;
    const { type, gpio: line, value } = buffer.request;
    if (type === MSG.GET_LINE_NAMES) return;
    const refused = buffer.bytes[0] !== RESPONSE.OK;
    actions.push({ kind: 'answered', devNum, line, request: requestKey(type, value), refused });
    if (refused) return;
    if (type === MSG.GET_VALUE) actions.push({ kind: 'level', devNum, line, level: buffer.bytes[1] ?? 0 });
    if (type !== MSG.SET_IRQ_TYPE) return;
    if (value === IRQ_TYPE.NONE) {
      actions.push({ kind: 'disabled', devNum, line });
    } else {
      this.enabled.add(keyOf(devNum, line));
      actions.push({ kind: 'enabled', devNum, line, type: value });
    }
  }

  private takeEvent(
    devNum: number,
    line: number,
    { status, stamp }: Extract<SpokenBuffer, { kind: 'event' }>,
    actions: ScriptAction[],
  ): void {
    const of = { devNum, line };
    if (status === IRQ_STATUS.VALID) {
      actions.push({ kind: 'edge', ...of, level: stamp?.level, seq: stamp?.seq, deviceNs: stamp?.timeNs });
    } else if (stamp !== undefined) {
      const final = !this.enabled.has(keyOf(devNum, line));
      actions.push({ kind: 'account', ...of, level: stamp.level, seq: stamp.seq, final });
    }
  }
}

export function keyOf(devNum: number, line: number): number {
  return devNum * 0x1_0000 + line;
}
