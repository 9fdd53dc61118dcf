import { setTimeout as sleep } from 'node:timers/promises';

/** Node's timers overflow beyond this. */
const LONGEST_TIMER_MS = 0x7fff_ffff;

/** Waits for that many microseconds, however many; rejects when `signal` is aborted. 0 does not wait. */
export async function pause(microseconds: number, signal?: AbortSignal): Promise<void> {
  let leftMs = microseconds / 1_000;
  while (leftMs > 0) {
    const nowMs = Math.min(leftMs, LONGEST_TIMER_MS);
    await sleep(nowMs, undefined, signal ? { signal } : {});
    leftMs -= nowMs;
  }
}
