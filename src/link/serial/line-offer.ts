import { MAX_PAYLOAD, MAX_WINDOW, MIN_MAX_PAYLOAD } from '../../wire/serial-frame.js';

/** What a side offers in its RESET frames. */
export interface LineOffer {
  /** Frames back to back, 1..7. */
  readonly window: number;
  /** Largest packet, bytes. */
  readonly maxPayload: number;
}

/** An offer is what the line carries in this time, but at least one frame. */
const OFFER_MS = 250;
/** Stuffing, control byte, checksum and delimiter of one frame, with room to spare. */
const FRAME_COST = 12;
/** Smaller packets than this spend too much of a slow line on headers. */
const WORTHWHILE = 128;
/** Frames that a slow line should rather have in flight than longer ones. */
const PIPELINE = 4;

/** The offer for a line of this speed (bytes a second each way; undefined: no speed to speak of). */
export function lineOffer(bytesPerSecond: number | undefined, maxPayload = MAX_PAYLOAD): LineOffer {
  const most = Math.max(MIN_MAX_PAYLOAD, Math.min(maxPayload, MAX_PAYLOAD));
  if (bytesPerSecond === undefined) return { window: MAX_WINDOW, maxPayload: most };
  const budget = (bytesPerSecond * OFFER_MS) / 1000;
  const share = Math.floor(budget / PIPELINE) - FRAME_COST;
  // A whole frame of the worthwhile size may be more than a very slow line carries.
  const floor = Math.max(MIN_MAX_PAYLOAD, Math.min(WORTHWHILE, Math.floor(budget) - FRAME_COST));
  const payload = Math.min(most, Math.max(share, floor));
  const window = Math.floor(budget / (payload + FRAME_COST));
  return { window: Math.max(1, Math.min(MAX_WINDOW, window)), maxPayload: payload };
}
