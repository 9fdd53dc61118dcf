/** Longest head of a value: a first byte and eight of number. */
const MAX_HEAD = 9;

const TWO_32 = 0x1_0000_0000;
const utf8 = new TextEncoder();

/**
 * Writes MessagePack into one growing buffer. The caller that knows how much it will write calls
 * {@link reserve} once and then uses the methods that do not check (their names end in `Fast`).
 */
export class Writer {
  bytes: Uint8Array;
  #view: DataView;
  /** Where the next byte goes. */
  at = 0;

  constructor(size = 1_024) {
    this.bytes = new Uint8Array(size);
    this.#view = new DataView(this.bytes.buffer);
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.at + count <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.bytes.length, this.at + count));
    grown.set(this.bytes.subarray(0, this.at));
    this.bytes = grown;
    this.#view = new DataView(grown.buffer);
  }

  /** A copy of what was written since `from`. */
  copy(from = 0): Uint8Array {
    return this.bytes.slice(from, this.at);
  }

  /** Any value made of null, booleans, numbers, bigints, strings, arrays and plain objects; undefined is nil. */
  value(value: unknown): void {
    this.reserve(MAX_HEAD);
    switch (typeof value) {
      case 'number':
        this.numberFast(value);
        return;
      case 'bigint':
        this.bigintFast(value);
        return;
      case 'string':
        this.string(value);
        return;
      case 'boolean':
        this.bytes[this.at++] = value ? 0xc3 : 0xc2;
        return;
      case 'undefined':
        this.nilFast();
        return;
      case 'object':
        this.#object(value);
        return;
      default:
        throw new TypeError(`a ${typeof value} has no MessagePack form`);
    }
  }

  #object(value: object | null): void {
    if (value === null) {
      this.nilFast();
    } else if (Array.isArray(value)) {
      this.arrayFast(value.length);
      for (const item of value) this.value(item);
    } else {
      const entries = Object.entries(value).filter((entry) => entry[1] !== undefined);
      this.mapFast(entries.length);
      for (const [key, item] of entries) {
        this.string(key);
        this.value(item);
      }
    }
  }

  string(text: string): void {
    this.reserve(MAX_HEAD + 3 * text.length);
    // The length is written before the bytes: as wide as the text could need, so nothing moves.
    const head = headOfString(3 * text.length);
    const start = this.at + head;
    const { written } = utf8.encodeInto(text, this.bytes.subarray(start));
    const fitting = headOfString(written);
    if (fitting !== head) this.bytes.copyWithin(this.at + fitting, start, start + written);
    this.#stringHead(written, fitting);
    this.at += fitting + written;
  }

  #stringHead(length: number, head: number): void {
    if (head === 1) this.bytes[this.at] = 0xa0 | length;
    else if (head === 2) {
      this.bytes[this.at] = 0xd9;
      this.bytes[this.at + 1] = length;
    } else if (head === 3) {
      this.bytes[this.at] = 0xda;
      this.#view.setUint16(this.at + 1, length);
    } else {
      this.bytes[this.at] = 0xdb;
      this.#view.setUint32(this.at + 1, length);
    }
  }

  nilFast(): void {
    this.bytes[this.at++] = 0xc0;
  }

  /** A non-negative integer below 2^53. */
  uintFast(value: number): void {
    if (value < 0x80) {
      this.bytes[this.at++] = value;
    } else if (value < 0x1_0000) {
      const short = value < 0x100;
      this.bytes[this.at++] = short ? 0xcc : 0xcd;
      if (!short) this.bytes[this.at++] = value >>> 8;
      this.bytes[this.at++] = value;
    } else if (value < TWO_32) {
      this.bytes[this.at] = 0xce;
      this.#view.setUint32(this.at + 1, value);
      this.at += 5;
    } else {
      this.bytes[this.at] = 0xcf;
      this.#view.setUint32(this.at + 1, Math.floor(value / TWO_32));
      this.#view.setUint32(this.at + 5, value % TWO_32);
      this.at += 9;
    }
  }

  /** A 64-bit time: always nine bytes. */
  u64Fast(value: bigint): void {
    this.bytes[this.at] = 0xcf;
    this.#view.setBigUint64(this.at + 1, value);
    this.at += 9;
  }

  /** Integers as integers, however large; everything else as a 64-bit float. */
  numberFast(value: number): void {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      this.bytes[this.at] = 0xcb;
      this.#view.setFloat64(this.at + 1, value);
      this.at += 9;
    } else if (value >= 0) {
      this.uintFast(value);
    } else if (value >= -0x20) {
      this.bytes[this.at++] = value & 0xff;
    } else {
      this.bigintFast(BigInt(value));
    }
  }

  /** Within the range of 64 bits, signed or unsigned. */
  bigintFast(value: bigint): void {
    if (value >= 0n) {
      this.u64Fast(value);
      return;
    }
    this.bytes[this.at] = 0xd3;
    this.#view.setBigInt64(this.at + 1, value);
    this.at += 9;
  }

  arrayFast(count: number): void {
    if (count < 16) this.bytes[this.at++] = 0x90 | count;
    else this.array16Fast(count);
  }

  /** An array's head of fixed width, so that the count can be put in later ({@link patchArray16}). */
  array16Fast(count: number): void {
    if (count > 0xffff) throw new RangeError(`an array of ${count} values`);
    this.bytes[this.at] = 0xdc;
    this.#view.setUint16(this.at + 1, count);
    this.at += 3;
  }

  patchArray16(at: number, count: number): void {
    this.#view.setUint16(at + 1, count);
  }

  mapFast(count: number): void {
    if (count > 0xffff) throw new RangeError(`a map of ${count} entries`);
    if (count < 16) {
      this.bytes[this.at++] = 0x80 | count;
      return;
    }
    this.bytes[this.at] = 0xde;
    this.#view.setUint16(this.at + 1, count);
    this.at += 3;
  }
}

function headOfString(length: number): number {
  if (length < 32) return 1;
  if (length < 0x100) return 2;
  return length < 0x1_0000 ? 3 : 5;
}
