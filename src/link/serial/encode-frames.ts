import { maxFrameLength, putSerialFrame, type SerialFrame } from '../../wire/serial-frame.js';

/** The bytes of frames that go out in one write, one after the other. */
export function encodeFrames(frames: readonly SerialFrame[]): Uint8Array {
  let space = 0;
  for (const frame of frames) space += maxFrameLength(frame);
  const bytes = Buffer.allocUnsafe(space);
  let end = 0;
  for (const frame of frames) end = putSerialFrame(frame, bytes, end);
  return bytes.subarray(0, end);
}
