import { putU32, putU64Number } from '../wire/bytes.js';
import {
  EVENTQ,
  IRQ_RESPONSE_LENGTH,
  IRQ_STATUS,
  IRQ_TYPE,
  STAMPED_IRQ_RESPONSE_LENGTH,
} from '../wire/virtio-gpio.js';
import { type EdgeStats, EventLine, isLevelType, LEVEL_UNKNOWN } from './event-line.js';
import { NumberRing } from './rings.js';
import type { DeviceQueues } from './virtio-device.js';

/** What was negotiated of interrupts. */
export interface EventOptions {
  /** EVENT_STAMP: responses carry level, seq and time, and accounts are owed. */
  readonly stamped: boolean;
  /** Event buffers and kept edges of a line: `event_depth` with EVENT_QUEUE, else 1. */
  readonly depth: number;
}

/**
 * The interrupts of all lines: senses edges, keeps them, and returns event buffers (virtio-gpio
 * D9..D16, D20; in-band bus "Extensions of virtio-gpio"). Without EVENT_QUEUE the kept edges are
 * the specification's latch: a depth of 1.
 *
 * An edge that has a buffer is *deliverable*, and waits in one queue over all lines until the
 * channel takes it; so edges leave in the order in which they happened.
 */
export class EventLines {
  private readonly lines: readonly EventLine[];
  private readonly deliverable = new NumberRing();
  private queues: DeviceQueues | undefined;
  private stamped = false;
  private depth = 1;
  private response = new Uint8Array(IRQ_RESPONSE_LENGTH);

  /**
   * `now` is the device clock, ns; one set of statistics for each line. With `refreshLevel` levels are
   * known only by edges and by asking ({@link LineBackend.refreshLevel}).
   */
  constructor(
    stats: readonly EdgeStats[],
    private readonly now: () => number,
    private readonly refreshLevel?: (line: number) => void,
  ) {
    this.lines = stats.map((of) => new EventLine(of));
  }

  start(options: EventOptions, queues: DeviceQueues): void {
    this.stamped = options.stamped;
    this.depth = options.depth;
    this.response = new Uint8Array(options.stamped ? STAMPED_IRQ_RESPONSE_LENGTH : IRQ_RESPONSE_LENGTH);
    this.queues = queues;
  }

  reset(): void {
    this.queues = undefined;
    this.deliverable.clear();
    for (const line of this.lines) line.reset();
  }

  /** Forgets the buffers. After a resume every enabled line owes an account. */
  forgetBuffers(resumed: boolean): void {
    this.deliverable.clear();
    for (const line of this.lines) {
      line.buffers.clear();
      line.paired = 0;
      if (resumed && line.type !== IRQ_TYPE.NONE) line.owesAccount = true;
    }
  }

  /** Bytes of a response as negotiated. */
  get responseLength(): number {
    return this.response.length;
  }

  /** The IRQ_TYPE of a line. */
  typeOf(line: number): number {
    return this.lines[line]!.type;
  }

  levelOf(line: number): number {
    return this.lines[line]!.level;
  }

  keptOf(line: number): number {
    return this.lines[line]!.kept.length;
  }

  statsOf(line: number): EdgeStats {
    return this.lines[line]!.stats;
  }

  enable(lineNumber: number, type: number): void {
    const line = this.lines[lineNumber]!;
    line.reset();
    line.type = type;
    line.stale = this.refreshLevel !== undefined;
    line.edgeLevel = line.stale ? LEVEL_UNKNOWN : line.level;
  }

  /** Discards what is kept and returns every buffer INVALID (D13). `seq` stays. */
  disable(lineNumber: number): void {
    const line = this.lines[lineNumber]!;
    if (line.type === IRQ_TYPE.NONE) return;
    this.skipMissed(line, 0);
    line.type = IRQ_TYPE.NONE;
    line.owesAccount = false;
    line.discardKept();
    if (line.paired > 0) this.deliverable.remove(lineNumber);
    line.paired = 0;
    while (line.buffers.length > 0) this.giveInvalid(line, line.buffers.shift());
  }

  /** The level is known without an edge having been sensed; judges level interrupts. */
  setLevel(lineNumber: number, level: number): void {
    const line = this.lines[lineNumber]!;
    line.level = level;
    line.stale = false;
    if (isLevelType(line.type)) this.judge(lineNumber, line);
  }

  /**
   * The line changed to `level` at `timeNs` of the device clock. `missedBefore` edges of the enabled
   * type are known to have happened before it, and nothing else of them: they show in its `seq`.
   */
  edge(lineNumber: number, level: number, timeNs: number, missedBefore = 0): void {
    const line = this.lines[lineNumber]!;
    line.level = level;
    line.stale = false;
    const type = line.type;
    if (type === IRQ_TYPE.NONE) return;
    if (missedBefore + line.untold > 0 && !isLevelType(type)) this.skipMissed(line, missedBefore);
    if (type === IRQ_TYPE.EDGE_BOTH) {
      // With the level unchanged there was an edge in between that nobody saw.
      if (level === line.edgeLevel) this.countMissed(line, 1);
    } else if (isLevelType(type)) {
      this.judge(lineNumber, line);
      return;
    } else if (level !== (type === IRQ_TYPE.EDGE_RISING ? 1 : 0)) {
      return;
    }
    line.edgeLevel = level;
    line.seq = (line.seq + 1) >>> 0;
    line.stats.sensed++;
    this.sensed(lineNumber, line, level, timeNs);
  }

  /**
   * Edges of the enabled type that are known to have happened, and nothing else of them. They are told
   * as soon as a buffer is queued, or with `tellNow` false by the next edge, or when the interrupt is
   * disabled.
   */
  missed(lineNumber: number, count: number, tellNow = true): void {
    const line = this.lines[lineNumber]!;
    if (line.type === IRQ_TYPE.NONE || isLevelType(line.type)) return;
    if (!tellNow) {
      line.untold += count;
      return;
    }
    this.skipMissed(line, count);
    this.settle(line);
  }

  /** Whether everything sensed so far was returned, or told of, as far as it is to be told. */
  isSettled(lineNumber: number): boolean {
    const line = this.lines[lineNumber]!;
    if (line.type === IRQ_TYPE.NONE) return true;
    return line.kept.length === 0 && !(this.stamped && line.inDebt);
  }

  /** An event buffer for the line, whole and large enough. */
  bufferAvailable(lineNumber: number, id: number): void {
    const line = this.lines[lineNumber]!;
    const level = isLevelType(line.type);
    if (line.type === IRQ_TYPE.NONE || line.buffers.length >= (level ? 1 : this.depth)) {
      this.giveInvalid(line, id);
      return;
    }
    line.buffers.push(id);
    if (line.kept.length > line.paired) {
      line.paired++;
      this.deliverable.push(lineNumber);
      this.pump();
    } else if (line.kept.length === 0) {
      this.settle(line);
      if (level) this.judge(lineNumber, line);
    }
  }

  /** Returns a malformed event buffer: INVALID, cut to what fits, everything else 0. */
  refuseBuffer(id: number, inLength: number): void {
    this.queues?.returnBuffer(EVENTQ, id, new Uint8Array(Math.min(inLength, this.response.length)));
  }

  /** Delivers what is deliverable as far as the channel takes it. */
  pump(): void {
    const { deliverable, queues } = this;
    if (queues === undefined) return;
    while (deliverable.length > 0 && queues.canReturnEvent()) {
      const line = this.lines[deliverable.shift()]!;
      line.paired--;
      if (isLevelType(line.type)) {
        if (line.levelActive) this.giveLevel(line);
        continue;
      }
      const { kept } = line;
      this.giveEdge(line, kept.level, kept.seq, kept.timeNs);
      kept.drop();
      this.settle(line);
    }
  }

  private sensed(lineNumber: number, line: EventLine, level: number, timeNs: number): void {
    const { kept } = line;
    const free = line.buffers.length > line.paired;
    if (free && kept.length === 0 && this.deliverable.length === 0 && this.queues!.canReturnEvent()) {
      this.giveEdge(line, level, line.seq, timeNs);
      return;
    }
    if (kept.length >= this.depth) {
      line.stats.overflowed++;
      return;
    }
    kept.push(level, line.seq, timeNs);
    if (free) {
      line.paired++;
      this.deliverable.push(lineNumber);
    }
  }

  /** Counts edges that were missed, and those of before that were not told of yet. */
  private skipMissed(line: EventLine, more: number): void {
    const count = more + line.untold;
    line.untold = 0;
    this.countMissed(line, count);
    if (count % 2 === 1 && line.edgeLevel !== LEVEL_UNKNOWN) line.edgeLevel = 1 - line.edgeLevel;
  }

  private countMissed(line: EventLine, count: number): void {
    line.seq = (line.seq + count) >>> 0;
    line.stats.sensed += count;
    line.stats.overflowed += count;
  }

  /** Pays the account that is owed once nothing kept is left, if there is a buffer for it. */
  private settle(line: EventLine): void {
    if (!this.stamped || line.kept.length > 0 || line.buffers.length === 0 || !line.inDebt) return;
    line.owesAccount = false;
    line.reportedSeq = line.seq;
    this.giveInvalid(line, line.buffers.shift());
  }

  /** A level interrupt whose level is active and whose buffer is queued is delivered (D10, D15). */
  private judge(lineNumber: number, line: EventLine): void {
    if (line.buffers.length === 0 || line.paired > 0) return;
    if (line.stale) {
      this.refreshLevel!(lineNumber);
      return;
    }
    if (!line.levelActive) return;
    if (this.deliverable.length === 0 && this.queues!.canReturnEvent()) {
      this.giveLevel(line);
    } else {
      line.paired++;
      this.deliverable.push(lineNumber);
    }
  }

  private giveLevel(line: EventLine): void {
    line.seq = (line.seq + 1) >>> 0;
    line.stats.sensed++;
    line.stale = this.refreshLevel !== undefined;
    this.giveEdge(line, line.level, line.seq, this.now());
  }

  private giveEdge(line: EventLine, level: number, seq: number, timeNs: number): void {
    line.reportedSeq = seq;
    line.stats.delivered++;
    this.give(line.buffers.shift(), IRQ_STATUS.VALID, level, seq, timeNs);
  }

  private giveInvalid(line: EventLine, id: number): void {
    this.give(id, IRQ_STATUS.INVALID, line.level, line.seq, this.stamped ? this.now() : 0);
  }

  private give(id: number, status: number, level: number, seq: number, timeNs: number): void {
    const { response } = this;
    response[0] = status;
    if (this.stamped) {
      response[1] = level;
      putU32(response, 4, seq);
      putU64Number(response, 8, timeNs);
    }
    this.queues!.returnBuffer(EVENTQ, id, response);
  }
}
