/**
 * Consistent overhead byte stuffing (Cheshire and Baker), the framing of the serial link: a
 * block of up to 254 bytes without a zero is preceded by its length plus one, and stands for a
 * zero after it unless it is full.
 *
 * Unless a block is full, the stuffed bytes are the plain ones moved by one with each zero replaced
 * by a distance. Both directions use that: one bulk copy, then a patch for each zero. Full blocks
 * (254 bytes without a zero) take the general way.
 */

const FULL = 0xff;

/** Most bytes that `length` bytes become when stuffed (delimiter not counted). */
export function maxStuffedLength(length: number): number {
  return length + Math.floor(length / 254) + 1;
}

/**
 * Stuffs `source` into `target` from `at` on; returns the position after the last byte written.
 * `target` must have {@link maxStuffedLength} bytes free there. No delimiter is written.
 */
export function cobsEncode(source: Uint8Array, target: Uint8Array, at: number): number {
  target.set(source, at + 1);
  return cobsStuffInPlace(target, at, at + 1 + source.length);
}

/**
 * Stuffs the plain bytes that lie in `target` from `at + 1` to `end`, in place; returns the position
 * after the last byte written, which is `end` or a few bytes more: there must be
 * {@link maxStuffedLength} bytes from `at` on.
 */
export function cobsStuffInPlace(target: Uint8Array, at: number, end: number): number {
  let codeAt = at;
  for (let i = at + 1; i < end; i++) {
    if (target[i] === 0) {
      target[codeAt] = i - codeAt;
      codeAt = i;
    } else if (i - codeAt === FULL - 1 && i + 1 < end) {
      target[codeAt] = FULL;
      return stuffBehindFullBlock(target, i + 1, end);
    }
  }
  target[codeAt] = end - codeAt;
  return end;
}

/** Each full block moves what follows by one byte: the rest is copied out and stuffed byte by byte. */
function stuffBehindFullBlock(target: Uint8Array, from: number, end: number): number {
  // A copy: slice() of a Buffer would be a view of what is written over.
  const rest = new Uint8Array(target.subarray(from, end));
  const length = rest.length;
  let codeAt = from;
  let out = from + 1;
  let code = 1;
  for (let i = 0; i < length; i++) {
    const byte = rest[i]!;
    if (byte === 0) {
      target[codeAt] = code;
      codeAt = out++;
      code = 1;
      continue;
    }
    target[out++] = byte;
    code++;
    // A full block says nothing of a zero after it; at the very end no further block is needed.
    if (code === FULL && i + 1 < length) {
      target[codeAt] = code;
      codeAt = out++;
      code = 1;
    }
  }
  target[codeAt] = code;
  return out;
}

/** What {@link cobsDecodeInto} returns for bytes that are no stuffing. */
export const NOT_STUFFED = -1;

/**
 * Undoes the stuffing of `source[from..to)`, which holds no zero, into `target` from `at` on, where
 * `to - from` bytes are free. Returns the position after the last byte written, or
 * {@link NOT_STUFFED} when a code points behind the end.
 */
export function cobsDecodeInto(
  source: Uint8Array,
  from: number,
  to: number,
  target: Uint8Array,
  at: number,
): number {
  if (from >= to) return at;
  copyBytes(source, from + 1, to, target, at);
  const moved = at - from - 1;
  let next = from + source[from]!;
  let full = source[from] === FULL;
  while (next < to) {
    if (full) return unstuffBehindFullBlock(source, next, to, target, next + moved);
    const code = source[next]!;
    target[next + moved] = 0;
    full = code === FULL;
    next += code;
  }
  return next === to ? to + moved : NOT_STUFFED;
}

function unstuffBehindFullBlock(
  source: Uint8Array,
  from: number,
  to: number,
  target: Uint8Array,
  at: number,
): number {
  let out = at;
  let next = from;
  while (next < to) {
    const code = source[next]!;
    const end = next + code;
    if (end > to) return NOT_STUFFED;
    for (let i = next + 1; i < end; i++) target[out++] = source[i]!;
    next = end;
    if (code !== FULL && next < to) target[out++] = 0;
  }
  return out;
}

/** Below this many bytes a loop is faster than a view and a bulk copy. */
const BULK_COPY = 64;

function copyBytes(source: Uint8Array, from: number, to: number, target: Uint8Array, at: number): void {
  if (to - from >= BULK_COPY) {
    target.set(source.subarray(from, to), at);
    return;
  }
  for (let i = from, out = at; i < to; i++, out++) target[out] = source[i]!;
}

/**
 * Undoes the stuffing of the bytes between two delimiters. Returns the decoded bytes, or
 * undefined when a byte is zero or a code points behind the end.
 */
export function cobsDecode(stuffed: Uint8Array): Uint8Array | undefined {
  if (stuffed.includes(0)) return undefined;
  const decoded = new Uint8Array(stuffed.length);
  const end = cobsDecodeInto(stuffed, 0, stuffed.length, decoded, 0);
  return end === NOT_STUFFED ? undefined : decoded.subarray(0, end);
}
