/**
 * Which buffers of one split queue the device holds, in memory that outlives this process, as
 * vhost-user lays it out ("Inflight I/O tracking", QueueRegionSplit):
 *
 *     le64 features; le16 version = 1; le16 desc_num; le16 last_batch_head; le16 used_idx;
 *     desc_num x { u8 inflight; u8 padding[5]; le16 next; le64 counter }
 *
 * A buffer is marked when it is taken. When it is returned, first it becomes the last batch, then
 * the ring's used index moves, then the mark goes, then `used_idx` follows: whoever finds the two
 * indices different knows that the last batch was returned with its mark still on.
 */

const HEAD = 16;
const ENTRY = 16;
const ALIGNMENT = 64;
const VERSION = 1;

/** In 16-bit words from the beginning. */
const VERSION_AT = 4;
const SIZE_AT = 5;
const LAST_BATCH_AT = 6;
const USED_AT = 7;
const ENTRY_NEXT = 3;
const ENTRY_WORDS = ENTRY / 2;
const HEAD_WORDS = HEAD / 2;

const TWO_TO_32 = 2 ** 32;

/** Bytes of the record of a queue, padded so that the next may follow. */
export function inflightLength(size: number): number {
  return Math.ceil((HEAD + ENTRY * size) / ALIGNMENT) * ALIGNMENT;
}

export class InflightQueue {
  private marks: Uint8Array;
  private words: Uint16Array;
  private longs: Uint32Array;
  private counter = 0;
  private held = 0;

  /** `at` is a multiple of 8. Of a record that nobody used yet, or of another shape, nothing is taken over. */
  constructor(
    memory: ArrayBuffer,
    at: number,
    readonly size: number,
  ) {
    const length = inflightLength(size);
    this.marks = new Uint8Array(memory, at, length);
    this.words = new Uint16Array(memory, at, length / 2);
    this.longs = new Uint32Array(memory, at, length / 4);
    if (this.words[VERSION_AT] !== VERSION || this.words[SIZE_AT] !== size) this.clear(0);
  }

  /** How many the device holds. */
  get count(): number {
    return this.held;
  }

  /** The ring's used index when it was written down last. */
  get usedIndex(): number {
    return this.words[USED_AT]!;
  }

  /** Nothing is held; the ring's used index is `usedIndex`. */
  clear(usedIndex: number): void {
    this.marks.fill(0);
    this.words[SIZE_AT] = this.size;
    this.words[USED_AT] = usedIndex;
    this.words[VERSION_AT] = VERSION;
    this.counter = 0;
    this.held = 0;
  }

  has(head: number): boolean {
    return head < this.size && this.marks[HEAD + head * ENTRY] === 1;
  }

  /** The device takes a buffer. */
  take(head: number): void {
    const at = (HEAD + head * ENTRY) / 4;
    const counter = ++this.counter;
    this.longs[at + 2] = counter;
    this.longs[at + 3] = counter / TWO_TO_32;
    Atomics.store(this.marks, HEAD + head * ENTRY, 1);
    this.held++;
  }

  /** A buffer is about to be returned: the ring's used index has not moved yet. */
  beforeReturn(head: number): void {
    this.words[HEAD_WORDS + head * ENTRY_WORDS + ENTRY_NEXT] = this.words[LAST_BATCH_AT]!;
    Atomics.store(this.words, LAST_BATCH_AT, head);
  }

  /** It was returned: the ring's used index is `usedIndex` now. */
  afterReturn(head: number, usedIndex: number): void {
    Atomics.store(this.marks, HEAD + head * ENTRY, 0);
    Atomics.store(this.words, USED_AT, usedIndex);
    this.held--;
  }

  /**
   * After a death: which buffers are held, in the order in which they were taken. `usedIndex` is what
   * the ring says. Undefined where the two are not of the same ring; then the record says nothing.
   */
  recover(usedIndex: number): number[] | undefined {
    const batch = (usedIndex - this.usedIndex) & 0xffff;
    if (batch > this.size) return undefined;
    let head = this.words[LAST_BATCH_AT]!;
    for (let i = 0; i < batch; i++) {
      if (head >= this.size) return undefined;
      this.marks[HEAD + head * ENTRY] = 0;
      head = this.words[HEAD_WORDS + head * ENTRY_WORDS + ENTRY_NEXT]!;
    }
    this.words[USED_AT] = usedIndex;
    const heads: number[] = [];
    for (let each = 0; each < this.size; each++) if (this.has(each)) heads.push(each);
    heads.sort((one, other) => this.counterOf(one) - this.counterOf(other));
    this.held = heads.length;
    this.counter = heads.length === 0 ? 0 : this.counterOf(heads.at(-1)!);
    return heads;
  }

  /** Lets go of the memory. */
  drop(): void {
    this.marks = new Uint8Array(0);
    this.words = new Uint16Array(0);
    this.longs = new Uint32Array(0);
  }

  private counterOf(head: number): number {
    const at = (HEAD + head * ENTRY) / 4;
    return this.longs[at + 2]! + this.longs[at + 3]! * TWO_TO_32;
  }
}
