import { map, type OperatorFunction } from 'rxjs';
import type {
  AccountItem,
  BreakItem,
  DisabledItem,
  EdgeItem,
  InterruptBatch,
  InterruptItem,
  InterruptType,
  Level,
  LevelItem,
} from '../driver/remote-gpio.js';
import type { GapReason } from './edge-event.js';
import type { Sensed, SensedBatch, SensedEdge, SensedGap } from './sensed.js';

/**
 * First stage: from what interrupts brought to edges with `lost`, and gaps. Counts by the device's
 * `seq` where there is one; elsewhere nothing is counted and `lost` is null.
 */
export function accountLosses(): OperatorFunction<InterruptBatch, SensedBatch> {
  return (interrupts$) => {
    const account = new LossAccount();
    return interrupts$.pipe(
      map((batch) => ({ arrivedNs: batch.arrivedNs, events: account.take(batch.items, batch.arrivedNs) })),
    );
  };
}

/** What is known of a line while its interrupt is enabled. */
interface LineAccount {
  type: InterruptType;
  /** Number of the last edge delivered or counted lost; 0 after enable. */
  lastSeq: number;
  /** Physical level after the last edge; null while unknown. */
  level: Level | null;
  /** Why edges would be missing next. */
  lossReason: GapReason;
  /** Why the level became unknown, where its gap could not tell it: told with the reading that finds it. */
  owesLevel: GapReason | undefined;
  /** Both-edge interrupts whose level has not been read yet, oldest first. */
  held: { readonly arrivedNs: bigint }[];
}

/** More interrupts than this cannot be waiting for their level: the driver reads after each. */
const MAX_HELD = 64;
/** A `seq` this far ahead (modulo 2^32) is one behind: an account that was overtaken. */
const HALF_RANGE = 2 ** 31;

/** The accounts of one controller's lines. No clock and no I/O: items in, events out. */
export class LossAccount {
  private readonly lines: (LineAccount | undefined)[] = [];

  /** Takes the items of one batch, in the order of the wire. */
  take(items: readonly InterruptItem[], arrivedNs: bigint): Sensed[] {
    const out: Sensed[] = [];
    items.forEach((item, at) => {
      if (item.kind === 'break') this.broken(item, levelsFirst(items, at + 1), out);
      else this.step(item, arrivedNs, out);
    });
    return out;
  }

  private step(item: Exclude<InterruptItem, BreakItem>, arrivedNs: bigint, out: Sensed[]): void {
    switch (item.kind) {
      case 'edge':
        this.edge(item, arrivedNs, out);
        break;
      case 'account':
        this.account(item, arrivedNs, out);
        break;
      case 'level':
        this.levelRead(item, arrivedNs, out);
        break;
      case 'enabled':
        this.lines[item.line] = newAccount(item.type, this.lines[item.line]);
        break;
      case 'disabled':
        this.disabled(item, arrivedNs, out);
        break;
      case 'resumed':
        for (const line of this.lines) if (line !== undefined) line.lossReason = 'link';
        break;
      case 'uncounted':
        // Such a device does not count, so that every edge of it says null already.
        break;
    }
  }

  private edge(item: EdgeItem, arrivedNs: bigint, out: Sensed[]): void {
    const line = this.lines[item.line];
    // The driver delivers nothing of a line that is not enabled.
    if (line === undefined) return;
    const level = item.level ?? impliedLevel(line.type);
    if (level === null) {
      line.held.push({ arrivedNs });
      if (line.held.length > MAX_HELD) this.resolveHeld(item.line, line, null, arrivedNs, out);
      return;
    }
    out.push(sensedEdge(item, level, countLost(line, item.seq), arrivedNs));
    line.level = level;
    line.lossReason = 'overflow';
  }

  private account(item: AccountItem, arrivedNs: bigint, out: Sensed[]): void {
    const line = this.lines[item.line];
    if (line === undefined) return;
    const lost = (item.seq - line.lastSeq) >>> 0;
    if (lost === 0 || lost >= HALF_RANGE) return;
    line.lastSeq = item.seq;
    line.level = item.level;
    out.push({
      kind: 'gap',
      line: item.line,
      lost,
      reason: line.lossReason,
      level: item.level,
      deviceNs: item.deviceNs,
      fromNs: undefined,
      toNs: arrivedNs,
    });
    line.lossReason = 'overflow';
  }

  private levelRead(item: LevelItem, arrivedNs: bigint, out: Sensed[]): void {
    const line = this.lines[item.line];
    if (line === undefined) return;
    if (item.level === null) {
      this.resolveAll(item.line, line, arrivedNs, out);
      return;
    }
    if (line.held.length > 0) {
      this.resolveHeld(item.line, line, item.level, arrivedNs, out);
      // Later interrupts wait for reads of their own; until then a contradiction proves nothing.
      if (line.held.length > 0) return;
    }
    const news = line.level === null ? line.owesLevel : line.level === item.level ? undefined : 'no-count';
    line.owesLevel = undefined;
    if (news !== undefined) out.push({ ...uncountedGap(item.line, item.level, arrivedNs), reason: news });
    line.level = item.level;
  }

  /**
   * Gives the oldest held interrupt its direction. Edges of a line alternate, so that the level
   * before it tells it; only where that is unknown the level that was read does. Without either it
   * is no edge that can be told, and a gap says that there was one, or several.
   */
  private resolveHeld(
    offset: number,
    line: LineAccount,
    read: Level | null,
    arrivedNs: bigint,
    out: Sensed[],
  ): void {
    const held = line.held.shift()!;
    const level = line.level === null ? read : line.level === 1 ? 0 : 1;
    if (level === null) {
      if (!endsInUncounted(offset, out)) out.push(uncountedGap(offset, undefined, arrivedNs));
      return;
    }
    line.level = level;
    out.push({
      kind: 'edge',
      line: offset,
      level,
      levelSource: 'read',
      lost: null,
      deviceNs: null,
      arrivedNs: held.arrivedNs,
      timeNs: held.arrivedNs,
      stampedBy: 'host',
      uncertaintyNs: null,
      boottimeNs: undefined,
    });
  }

  private resolveAll(offset: number, line: LineAccount, arrivedNs: bigint, out: Sensed[]): void {
    while (line.held.length > 0) this.resolveHeld(offset, line, null, arrivedNs, out);
  }

  private disabled(item: DisabledItem, arrivedNs: bigint, out: Sensed[]): void {
    const line = this.lines[item.line];
    if (line === undefined) return;
    // A gap that says that nothing was counted says it of them too.
    if (item.counted || line.level !== null) this.resolveAll(item.line, line, arrivedNs, out);
    this.lines[item.line] = undefined;
    if (item.counted) return;
    out.push({
      kind: 'gap',
      line: item.line,
      lost: null,
      reason: 'disabled',
      level: undefined,
      deviceNs: null,
      fromNs: undefined,
      toNs: arrivedNs,
    });
  }

  /**
   * Each line has one gap, with the level that was read after it, where levels came along with the news;
   * else all of them have one together, and levels are told when they are read.
   */
  private broken(item: BreakItem, levels: ReadonlyMap<number, Level>, out: Sensed[]): void {
    this.lines.forEach((line, offset) => {
      if (line === undefined) return;
      this.resolveAll(offset, line, item.toNs, out);
      line.level = levels.get(offset) ?? null;
      line.owesLevel = line.level === null ? item.reason : undefined;
      if (levels.size > 0) out.push(breakGap(item, offset, levels.get(offset)));
    });
    if (levels.size === 0) out.push(breakGap(item, undefined, undefined));
  }
}

/** The levels that were read, by line, from this item on: of lines that had no edge before. */
function levelsFirst(items: readonly InterruptItem[], from: number): ReadonlyMap<number, Level> {
  const levels = new Map<number, Level>();
  const moved = new Set<number>();
  for (let at = from; at < items.length; at++) {
    const item = items[at]!;
    if (item.kind === 'break') break;
    if (item.kind === 'edge' || item.kind === 'account') moved.add(item.line);
    else if (
      item.kind === 'level' &&
      item.level !== null &&
      !moved.has(item.line) &&
      !levels.has(item.line)
    ) {
      levels.set(item.line, item.level);
    }
  }
  return levels;
}

function breakGap(item: BreakItem, line: number | undefined, level: Level | undefined): Sensed {
  const { reason, fromNs, toNs } = item;
  return { kind: 'gap', line, lost: null, reason, level, deviceNs: null, fromNs, toNs };
}

/** What was known of the line before stays known. */
function newAccount(type: InterruptType, before: LineAccount | undefined): LineAccount {
  const { level = null, owesLevel } = before ?? {};
  return { type, lastSeq: 0, level, lossReason: 'overflow', owesLevel, held: [] };
}

/** Edges are missing, and nobody can say how many; `level` where one was read after them. */
function uncountedGap(line: number, level: Level | undefined, toNs: bigint): SensedGap {
  const fromNs = undefined;
  return { kind: 'gap', line, lost: null, reason: 'no-count', level, deviceNs: null, fromNs, toNs };
}

/** Whether the last that this batch says of a line is such a gap without a level: another says nothing more. */
function endsInUncounted(line: number, out: readonly Sensed[]): boolean {
  const last = out.findLast((event) => event.line === line);
  return last?.kind === 'gap' && last.reason === 'no-count' && last.level === undefined;
}

/** The level that an edge of this type leaves; null for both edges. */
function impliedLevel(type: InterruptType): Level | null {
  if (type === 'both') return null;
  return type === 'rising' || type === 'level-high' ? 1 : 0;
}

function countLost(line: LineAccount, seq: number | null): number | null {
  if (seq === null) return null;
  const lost = (seq - line.lastSeq - 1) >>> 0;
  line.lastSeq = seq;
  return lost;
}

function sensedEdge(item: EdgeItem, level: Level, lost: number | null, arrivedNs: bigint): SensedEdge {
  return {
    kind: 'edge',
    line: item.line,
    level,
    levelSource: 'reported',
    lost,
    deviceNs: item.deviceNs,
    arrivedNs,
    timeNs: arrivedNs,
    stampedBy: 'host',
    uncertaintyNs: null,
    boottimeNs: undefined,
  };
}
