/** Thrown by {@link Reader} for a value of another type than was asked for. */
export class UnexpectedValue extends Error {}

const TWO_32 = 0x1_0000_0000;
const utf8 = new TextDecoder();

/**
 * Reads MessagePack values of known types out of a message whose structure was checked before
 * (scanner.ts): it checks types, and bounds only through the array it reads from.
 */
export class Reader {
  #bytes: Uint8Array = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  at = 0;

  /** Starts with the value at `at`. */
  open(bytes: Uint8Array, at: number): void {
    const view = this.#view;
    const same =
      bytes.buffer === view.buffer &&
      bytes.byteOffset === view.byteOffset &&
      bytes.byteLength === view.byteLength;
    if (!same) this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#bytes = bytes;
    this.at = at;
  }

  /**
   * A value of any type that the daemon sends: nil, booleans, numbers, strings, arrays, maps with
   * string keys. Integers of 64 bits come out as bigint. The library's decoder (decode.ts) would
   * do as well, and cost a command line a third of its start.
   */
  value(): unknown {
    const first = this.#bytes[this.at]!;
    if (first < 0x80) return this.uint();
    if (first <= 0x8f || first === 0xde) return this.#map();
    if (first <= 0x9f || first === 0xdc || first === 0xdd) return this.#values(this.array());
    if (first <= 0xbf || (first >= 0xd9 && first <= 0xdb)) return this.string();
    if (first >= 0xcc && first <= 0xcf) return first === 0xcf ? this.u64() : this.uint();
    return this.#other(this.#bytes[this.at++]!);
  }

  #values(count: number): unknown[] {
    const values: unknown[] = [];
    for (let i = 0; i < count; i++) values.push(this.value());
    return values;
  }

  #map(): Record<string, unknown> {
    const first = this.#bytes[this.at++]!;
    let count = first & 0x0f;
    if (first === 0xde) {
      count = this.#view.getUint16(this.at);
      this.at += 2;
    }
    const entries: [string, unknown][] = [];
    for (let i = 0; i < count; i++) entries.push([this.string(), this.value()]);
    return Object.fromEntries(entries);
  }

  #other(first: number): unknown {
    const at = this.at;
    switch (first) {
      case 0xc0:
        return null;
      case 0xc2:
      case 0xc3:
        return first === 0xc3;
      case 0xcb:
        this.at += 8;
        return this.#view.getFloat64(at);
      case 0xd3:
        this.at += 8;
        return this.#view.getBigInt64(at);
      default:
        if (first >= 0xe0) return first - 0x100;
        throw unexpected('a value the daemon sends', first);
    }
  }

  /** How many values an array has. */
  array(): number {
    const first = this.#bytes[this.at++]!;
    if (first >= 0x90 && first <= 0x9f) return first & 0x0f;
    if (first === 0xdc) {
      this.at += 2;
      return this.#view.getUint16(this.at - 2);
    }
    if (first === 0xdd) {
      this.at += 4;
      return this.#view.getUint32(this.at - 4);
    }
    throw unexpected('an array', first);
  }

  /** A non-negative integer; above 2^53 with the loss of its low bits. */
  uint(): number {
    const first = this.#bytes[this.at++]!;
    if (first < 0x80) return first;
    return this.#wideUint(first);
  }

  #wideUint(first: number): number {
    const at = this.at;
    switch (first) {
      case 0xcc:
        this.at += 1;
        return this.#bytes[at]!;
      case 0xcd:
        this.at += 2;
        return this.#view.getUint16(at);
      case 0xce:
        this.at += 4;
        return this.#view.getUint32(at);
      case 0xcf:
        this.at += 8;
        return this.#view.getUint32(at) * TWO_32 + this.#view.getUint32(at + 4);
      default:
        throw unexpected('a non-negative integer', first);
    }
  }

  uintOrNil(): number | null {
    return this.#isNil() ? null : this.uint();
  }

  /** A non-negative integer of up to 64 bits. */
  u64(): bigint {
    if (this.#bytes[this.at] !== 0xcf) return BigInt(this.uint());
    const value = this.#view.getBigUint64(this.at + 1);
    this.at += 9;
    return value;
  }

  string(): string {
    const length = this.#stringLength();
    this.at += length;
    return utf8.decode(this.#bytes.subarray(this.at - length, this.at));
  }

  stringOrNil(): string | null {
    return this.#isNil() ? null : this.string();
  }

  #stringLength(): number {
    const first = this.#bytes[this.at++]!;
    if (first >= 0xa0 && first <= 0xbf) return first & 0x1f;
    if (first === 0xd9) return this.#bytes[this.at++]!;
    if (first === 0xda) {
      this.at += 2;
      return this.#view.getUint16(this.at - 2);
    }
    if (first === 0xdb) {
      this.at += 4;
      return this.#view.getUint32(this.at - 4);
    }
    throw unexpected('a string', first);
  }

  #isNil(): boolean {
    if (this.#bytes[this.at] !== 0xc0) return false;
    this.at++;
    return true;
  }
}

function unexpected(wanted: string, first: number): UnexpectedValue {
  return new UnexpectedValue(`expected ${wanted}, found a value that starts with 0x${first.toString(16)}`);
}
