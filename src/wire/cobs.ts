/**
 * Consistent overhead byte stuffing (Cheshire and Baker), the framing of the serial link: a
 * block of up to 254 bytes without a zero is preceded by its length plus one, and stands for a
 * zero after it unless it is full.
 */

/** Most bytes that `length` bytes become when stuffed (delimiter not counted). */
export function maxStuffedLength(length: number): number {
  return length + Math.floor(length / 254) + 1;
}

/**
 * Stuffs `source` into `target` from `at` on; returns the position after the last byte written.
 * `target` must have {@link maxStuffedLength} bytes free there. No delimiter is written.
 */
export function cobsEncode(source: Uint8Array, target: Uint8Array, at: number): number {
  let codeAt = at;
  let out = at + 1;
  let code = 1;
  const length = source.length;
  for (let i = 0; i < length; i++) {
    const byte = source[i]!;
    if (byte === 0) {
      target[codeAt] = code;
      codeAt = out++;
      code = 1;
      continue;
    }
    target[out++] = byte;
    code++;
    // A full block says nothing of a zero after it; at the very end no further block is needed.
    if (code === 0xff && i + 1 < length) {
      target[codeAt] = code;
      codeAt = out++;
      code = 1;
    }
  }
  target[codeAt] = code;
  return out;
}

/**
 * Undoes the stuffing of the bytes between two delimiters. Returns the decoded bytes, or
 * undefined when a code is zero or points behind the end.
 */
export function cobsDecode(stuffed: Uint8Array): Uint8Array | undefined {
  const length = stuffed.length;
  const decoded = new Uint8Array(length);
  let out = 0;
  let at = 0;
  while (at < length) {
    const code = stuffed[at]!;
    const end = at + code;
    if (code === 0 || end > length) return undefined;
    for (let i = at + 1; i < end; i++) {
      const byte = stuffed[i]!;
      if (byte === 0) return undefined;
      decoded[out++] = byte;
    }
    at = end;
    if (code !== 0xff && at < length) decoded[out++] = 0;
  }
  return decoded.subarray(0, out);
}
