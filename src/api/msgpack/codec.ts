import { Decoder, Encoder } from '@msgpack/msgpack';
import { MAX_MESSAGE } from '../schema.js';

/**
 * MessagePack as both ends of the socket API use it: integers of 64 bits are bigint, shorter ones
 * number; what is undefined is left out of maps. The scanner (scanner.ts) has bounded a message
 * before it comes here; the decoder's own limits hold all the same.
 */
const encoder = new Encoder({ useBigInt64: true, ignoreUndefined: true });
const decoder = new Decoder({
  useBigInt64: true,
  maxStrLength: MAX_MESSAGE,
  maxBinLength: MAX_MESSAGE,
  maxArrayLength: MAX_MESSAGE,
  maxMapLength: MAX_MESSAGE,
  maxExtLength: MAX_MESSAGE,
});

/** A value's bytes. Throws for what has no MessagePack form: functions, symbols, nesting without end. */
export function encode(value: unknown): Uint8Array {
  return encoder.encode(value);
}

/** How many bytes {@link encode} would give. */
export function encodedLength(value: unknown): number {
  return encoder.encodeSharedRef(value).length;
}

/** The one value that `bytes` hold. Throws for what is not valid; binaries in it lie in `bytes`. */
export function decode(bytes: Uint8Array): unknown {
  return decoder.decode(bytes);
}

/**
 * A number that stays what it is on the wire: beside bigints, the encoder would make floats of
 * integers above 32 bits.
 */
export function wireNumber(value: number): number | bigint {
  const wide = value > 0xffff_ffff || value < -0x8000_0000;
  return wide && Number.isSafeInteger(value) ? BigInt(value) : value;
}
