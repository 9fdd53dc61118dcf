import { Decoder } from '@msgpack/msgpack';
import { MAX_MESSAGE } from '../schema.js';

/** Integers of 64 bits come out as bigint, shorter ones as number. */
const decoder = new Decoder({
  useBigInt64: true,
  maxStrLength: MAX_MESSAGE,
  maxBinLength: MAX_MESSAGE,
  maxArrayLength: MAX_MESSAGE,
  maxMapLength: MAX_MESSAGE,
  maxExtLength: MAX_MESSAGE,
});

/** Decodes one value whose structure was checked (scanner.ts); undefined when it is still not valid. */
export function decodeValue(bytes: Uint8Array): unknown {
  try {
    return decoder.decode(bytes);
  } catch {
    // Map keys that are neither string nor number, malformed timestamps, ...: all the sender's fault.
    return undefined;
  }
}
