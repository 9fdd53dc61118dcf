/**
 * Finds where a MessagePack value ends without decoding it, so that nothing unchecked ever reaches
 * a decoder. A pure state machine that goes on where it stopped: bytes that come one by one cost no
 * more than bytes that come at once.
 */

/** Deepest nesting of arrays and maps that is accepted. */
export const MAX_DEPTH = 16;

/** What {@link ValueScanner.scan} found. */
export type ScanResult =
  /** the value ends before this index */
  { readonly kind: 'end'; readonly end: number } | { readonly kind: 'incomplete' } | ScanError;

export interface ScanError {
  readonly kind: 'error';
  readonly error: 'too-long' | 'too-deep' | 'reserved-byte';
}

const INCOMPLETE: ScanResult = { kind: 'incomplete' };
const TOO_LONG: ScanError = { kind: 'error', error: 'too-long' };
const TOO_DEEP: ScanError = { kind: 'error', error: 'too-deep' };
const RESERVED: ScanError = { kind: 'error', error: 'reserved-byte' };

/** Kinds of what follows a first byte. */
const FIXED = 0;
const STRING_LENGTH = 1;
const ARRAY_COUNT = 2;
const MAP_COUNT = 3;
const BAD = 4;

/** For each first byte: bytes of its head (the first byte and the length that follows). */
const HEAD = new Uint8Array(256);
/** For each first byte: bytes of payload that do not depend on a length (numbers, fixstr, fixext; ext's type). */
const BODY = new Uint8Array(256);
const KIND = new Uint8Array(256);

fillTables();

export class ValueScanner {
  /** Bytes of the value passed so far, relative to its start; may lie beyond what has come. */
  #passed = 0;
  #depth = 0;
  /** Values still to come, for each level; level 0 is the value itself. */
  readonly #open = new Uint32Array(MAX_DEPTH + 1);
  readonly #maxLength: number;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
    this.reset();
  }

  /** Forgets the value it is in. */
  reset(): void {
    this.#passed = 0;
    this.#depth = 0;
    this.#open[0] = 1;
  }

  /**
   * Goes on with the value that starts at `start`; `limit` is the end of what has come. The same
   * value has to be passed again from its start as long as the answer is `incomplete`.
   */
  scan(bytes: Uint8Array, start: number, limit: number): ScanResult {
    const open = this.#open;
    let at = start + this.#passed;
    let depth = this.#depth;
    const bound = start + this.#maxLength;
    for (;;) {
      while (open[depth] === 0) {
        if (depth === 0) {
          if (at > limit) return INCOMPLETE;
          this.reset();
          return { kind: 'end', end: at };
        }
        depth--;
      }
      if (at >= bound) return TOO_LONG;
      if (at >= limit) break;
      const first = bytes[at]!;
      const head = HEAD[first]!;
      if (at + head > limit) {
        if (at + head > bound) return TOO_LONG;
        break;
      }
      open[depth]!--;
      const kind = KIND[first];
      const count = head === 1 ? shortCount(first, kind!) : bigEndian(bytes, at + 1, head - 1);
      at += head + BODY[first]!;
      if (kind === STRING_LENGTH) at += count;
      else if (kind === ARRAY_COUNT || kind === MAP_COUNT) {
        // Each value takes a byte at least: a count that cannot fit is refused before it is believed.
        const values = kind === MAP_COUNT ? 2 * count : count;
        if (at + values > bound) return TOO_LONG;
        if (values > 0) {
          if (depth === MAX_DEPTH) return TOO_DEEP;
          open[++depth] = values;
        }
      } else if (kind === BAD) return RESERVED;
      if (at > bound) return TOO_LONG;
      // A payload that has not come yet: come back when it has, with the head already counted.
      if (at > limit) break;
    }
    this.#passed = at - start;
    this.#depth = depth;
    return INCOMPLETE;
  }
}

function shortCount(first: number, kind: number): number {
  return kind === ARRAY_COUNT || kind === MAP_COUNT ? first & 0x0f : 0;
}

function bigEndian(bytes: Uint8Array, at: number, length: number): number {
  let value = 0;
  for (let i = 0; i < length; i++) value = value * 256 + bytes[at + i]!;
  return value;
}

function fillTables(): void {
  const set = (first: number, last: number, kind: number, head: number, body: (byte: number) => number) => {
    for (let byte = first; byte <= last; byte++) {
      KIND[byte] = kind;
      HEAD[byte] = head;
      BODY[byte] = body(byte);
    }
  };
  set(0x00, 0x7f, FIXED, 1, () => 0);
  set(0x80, 0x8f, MAP_COUNT, 1, () => 0);
  set(0x90, 0x9f, ARRAY_COUNT, 1, () => 0);
  set(0xa0, 0xbf, FIXED, 1, (byte) => byte & 0x1f);
  set(0xc0, 0xc0, FIXED, 1, () => 0);
  set(0xc1, 0xc1, BAD, 1, () => 0);
  set(0xc2, 0xc3, FIXED, 1, () => 0);
  for (const [i, lengthBytes] of [1, 2, 4].entries()) {
    set(0xc4 + i, 0xc4 + i, STRING_LENGTH, 1 + lengthBytes, () => 0);
    set(0xc7 + i, 0xc7 + i, STRING_LENGTH, 1 + lengthBytes, () => 1);
    set(0xd9 + i, 0xd9 + i, STRING_LENGTH, 1 + lengthBytes, () => 0);
  }
  set(0xca, 0xca, FIXED, 1, () => 4);
  set(0xcb, 0xcb, FIXED, 1, () => 8);
  set(0xcc, 0xcf, FIXED, 1, (byte) => 1 << (byte - 0xcc));
  set(0xd0, 0xd3, FIXED, 1, (byte) => 1 << (byte - 0xd0));
  set(0xd4, 0xd8, FIXED, 1, (byte) => 1 + (1 << (byte - 0xd4)));
  set(0xdc, 0xdc, ARRAY_COUNT, 3, () => 0);
  set(0xdd, 0xdd, ARRAY_COUNT, 5, () => 0);
  set(0xde, 0xde, MAP_COUNT, 3, () => 0);
  set(0xdf, 0xdf, MAP_COUNT, 5, () => 0);
  set(0xe0, 0xff, FIXED, 1, () => 0);
}
