import { BridgeError } from '../../base/errors.js';
import { HEADER_LENGTH } from '../../wire/virtio-msg/header.js';
import type { BusSession } from './bus-session.js';

/** Bytes of GET_CONFIG's answer around the configuration bytes. */
const ANSWER_OVERHEAD = HEADER_LENGTH + 12;
/**
 * The most bytes asked for at once. On a line with one byte in a thousand damaged an answer of a
 * whole message mostly does not come through, and each try costs a timer; one of this size does.
 */
const MAX_PIECE = 256;
/** Times a read starts over because the configuration changed meanwhile. */
const MAX_RESTARTS = 5;

export interface ConfigRead {
  readonly generation: number;
  /** May be fewer than asked for where the device's configuration ends before, or `enough` said so. */
  readonly bytes: Uint8Array;
}

/**
 * Reads `length` bytes of a device's configuration from `offset`, in pieces that fit a message, all
 * of one generation. `enough`, if given, ends the read early when it says so of what there is.
 */
export async function readConfig(
  session: BusSession,
  devNum: number,
  offset: number,
  length: number,
  enough: (bytes: Uint8Array) => boolean = () => false,
): Promise<ConfigRead> {
  for (let attempt = 0; attempt < MAX_RESTARTS; attempt++) {
    const read = await readOnce(session, devNum, offset, length, enough);
    if (read !== undefined) return read;
  }
  throw new BridgeError(
    'PROTOCOL_ERROR',
    `device ${devNum} changed its configuration during each of ${MAX_RESTARTS} reads`,
  );
}

/** Undefined when the generation changed between the pieces. */
async function readOnce(
  session: BusSession,
  devNum: number,
  offset: number,
  length: number,
  enough: (bytes: Uint8Array) => boolean,
): Promise<ConfigRead | undefined> {
  const bytes = new Uint8Array(length);
  let generation: number | undefined;
  let at = 0;
  while (at < length && !enough(bytes.subarray(0, at))) {
    const piece = Math.min(length - at, MAX_PIECE, session.maxMsgSize - ANSWER_OVERHEAD);
    const { config } = await session.calls.call(
      { type: 'config-request', devNum, offset: offset + at, length: piece },
      'config-response',
    );
    generation ??= config.generation;
    if (config.generation !== generation) return undefined;
    if (config.offset !== offset + at || config.bytes.length === 0) break;
    const taken = config.bytes.subarray(0, piece);
    bytes.set(taken, at);
    at += taken.length;
  }
  return { generation: generation ?? 0, bytes: bytes.subarray(0, at) };
}
