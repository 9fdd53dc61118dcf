import { setTimeout as sleep } from 'node:timers/promises';

const LIMIT_MS = 10_000;
const PAUSE_MS = 20;

/** Waits until `condition` holds; throws when it does not within ten seconds. */
export async function waitUntil(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`${what} did not come up within ${LIMIT_MS / 1_000} s`);
    await sleep(PAUSE_MS);
  }
}
