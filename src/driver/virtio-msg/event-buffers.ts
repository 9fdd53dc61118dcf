import type { VqAvailBuilder } from '../../wire/virtio-msg/queue.js';

/** Where a buffer is: with nobody, here for its line, or at the device. */
const AT = { FREE: 0, HERE: 1, DEVICE: 2 } as const;

/**
 * The buffers of an eventq: whose each is, where it is, and which are to be sent next. A buffer
 * stays with its line while it goes to and fro. Every line may always have a first buffer; further
 * ones come from what `size` has beyond one for each line (docs/protocol.md, "GPIO over this bus").
 */
export class EventBuffers {
  /** Buffers of a line, wherever they are. */
  readonly owned: Uint16Array;
  /** Those of them that are at the device. */
  readonly out: Uint16Array;
  /** Line of each buffer that is not free. */
  readonly lineOf: Uint16Array;
  /** Buffers that lines may have beyond their first. */
  readonly spare: number;
  freeCount: number;

  private readonly where: Uint8Array;
  private readonly free: Uint16Array;
  /** To be sent, in order: a ring. */
  private readonly ring: Uint16Array;
  private ringHead = 0;
  private ringCount = 0;
  /** To be sent before those, also while they are held back. */
  private urgent: number[] = [];
  /** To be sent after a pause. */
  private paused: number[] = [];
  /** To be sent when the level of their line was read. */
  private readonly parked = new Map<number, number>();
  private extras = 0;

  constructor(
    readonly size: number,
    lineCount: number,
  ) {
    this.owned = new Uint16Array(lineCount);
    this.out = new Uint16Array(lineCount);
    this.lineOf = new Uint16Array(size);
    this.where = new Uint8Array(size);
    this.free = Uint16Array.from({ length: size }, (_, i) => size - 1 - i);
    this.freeCount = size;
    this.ring = new Uint16Array(size);
    this.spare = Math.max(0, size - lineCount);
  }

  /** Buffers that wait to be sent. */
  get waiting(): number {
    return this.ringCount;
  }

  /** Whether a line that has a buffer may have one more. */
  get hasSpare(): boolean {
    return this.extras < this.spare && this.freeCount > 0;
  }

  /** Gives the line one more buffer, and returns it; -1 when none is free. It is not yet to be sent. */
  give(line: number): number {
    if (this.freeCount === 0) return -1;
    const id = this.free[--this.freeCount]!;
    this.lineOf[id] = line;
    this.where[id] = AT.HERE;
    if (this.owned[line]!++ > 0) this.extras++;
    return id;
  }

  /** The buffer is nobody's. */
  release(id: number): void {
    const line = this.lineOf[id]!;
    if (this.where[id] === AT.DEVICE) this.out[line]!--;
    this.where[id] = AT.FREE;
    this.free[this.freeCount++] = id;
    if (--this.owned[line]! > 0) this.extras--;
  }

  /** Whether the device has this buffer. */
  isOut(id: number): boolean {
    return id < this.where.length && this.where[id] === AT.DEVICE;
  }

  /** The device returned it. */
  cameBack(id: number): void {
    this.where[id] = AT.HERE;
    this.out[this.lineOf[id]!]!--;
  }

  /** To be sent, after those that wait. */
  push(id: number): void {
    this.ring[this.index(this.ringCount)] = id;
    this.ringCount++;
  }

  /** To be sent first of all. */
  pushUrgent(id: number): void {
    this.urgent.push(id);
  }

  /** To be sent after {@link endPause}. Returns whether it is the first. */
  pause(id: number): boolean {
    return this.paused.push(id) === 1;
  }

  endPause(): void {
    for (const id of this.paused.splice(0)) this.push(id);
  }

  /** To be sent after {@link unpark}; one for each line. */
  park(id: number): void {
    this.parked.set(this.lineOf[id]!, id);
  }

  unpark(line: number): void {
    const id = this.parked.get(line);
    if (id !== undefined && this.parked.delete(line)) this.push(id);
  }

  /** Moves what is to be sent into a message of at most `limit` bytes; `heldBack`: only what is urgent. */
  fill(builder: VqAvailBuilder, inLen: number, limit: number, heldBack: boolean): void {
    while (this.urgent.length > 0 && this.add(this.urgent[0]!, builder, inLen, limit)) this.urgent.shift();
    if (heldBack) return;
    while (this.ringCount > 0 && this.add(this.ring[this.ringHead]!, builder, inLen, limit)) {
      this.ringHead = this.index(1);
      this.ringCount--;
    }
  }

  /** The lines whose buffers wait to be sent. */
  waitingLines(): number[] {
    return this.waitingIds().map((id) => this.lineOf[id]!);
  }

  /** Frees the buffers of one line that are here. */
  takeBack(line: number): void {
    const ofLine = (id: number): boolean => this.lineOf[id] === line;
    const waiting = this.waitingIds();
    const here = [...waiting, ...this.urgent, ...this.paused].filter(ofLine);
    const kept = waiting.filter((id) => !ofLine(id));
    this.ringHead = 0;
    this.ringCount = kept.length;
    this.ring.set(kept);
    this.urgent = this.urgent.filter((id) => !ofLine(id));
    this.paused = this.paused.filter((id) => !ofLine(id));
    const parked = this.parked.get(line);
    if (parked !== undefined) here.push(parked);
    this.parked.delete(line);
    for (const id of here) this.release(id);
  }

  /** Frees what the device has of one line. */
  writeOff(line: number): void {
    for (let id = 0; id < this.where.length; id++) {
      if (this.where[id] === AT.DEVICE && this.lineOf[id] === line) this.release(id);
    }
  }

  /** The device forgot its buffers: all are free but those that wait for a level. */
  reclaim(): void {
    this.ringHead = 0;
    this.ringCount = 0;
    this.urgent = [];
    this.paused = [];
    const parked = new Set(this.parked.values());
    for (let id = 0; id < this.where.length; id++) {
      if (this.where[id] !== AT.FREE && !parked.has(id)) this.release(id);
    }
  }

  private add(id: number, builder: VqAvailBuilder, inLen: number, limit: number): boolean {
    const line = this.lineOf[id]!;
    if (!builder.addLine(id, inLen, line, limit)) return false;
    this.where[id] = AT.DEVICE;
    this.out[line]!++;
    return true;
  }

  private waitingIds(): number[] {
    return Array.from({ length: this.ringCount }, (_, i) => this.ring[this.index(i)]!);
  }

  private index(offset: number): number {
    const index = this.ringHead + offset;
    return index >= this.ring.length ? index - this.ring.length : index;
  }
}
