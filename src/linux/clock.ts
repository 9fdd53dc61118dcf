import { type Clock, NS_PER_S, nodeTimers, type Time } from '../base/clock.js';
import { checked } from './errno.js';
import { koffi } from './koffi.js';
import { libc } from './libc.js';

const CLOCK_REALTIME = 0;
const CLOCK_BOOTTIME = 7;

/** The kernel's clocks. `monotonicNs` needs no foreign call: Node reads CLOCK_MONOTONIC itself. */
export const systemClock: Clock = {
  monotonicNs: () => process.hrtime.bigint(),
  realtimeNs: () => read(CLOCK_REALTIME),
  boottimeNs: () => read(CLOCK_BOOTTIME),
};

/** The kernel's clocks and Node's timers. */
export const systemTime: Time = { ...systemClock, ...nodeTimers };

const timespec = Buffer.alloc(16);
let wordSize = 0;

/** struct timespec is two longs. */
function read(clock: number): bigint {
  if (wordSize === 0) wordSize = koffi().sizeof('long');
  checked('clock_gettime', libc().clock_gettime(clock, timespec));
  return wordSize === 8
    ? timespec.readBigInt64LE(0) * NS_PER_S + timespec.readBigInt64LE(8)
    : BigInt(timespec.readInt32LE(0)) * NS_PER_S + BigInt(timespec.readInt32LE(4));
}
