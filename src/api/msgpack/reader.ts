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
