import type { Time } from '../../base/clock.js';
import type { Timeouts } from '../../base/timeouts.js';
import { Counters } from '../../driver/counters.js';
import { bringUp } from '../../driver/virtio-msg/bring-up.js';
import type { BusSession } from '../../driver/virtio-msg/bus-session.js';
import { RequestQueue } from '../../driver/virtio-msg/request-queue.js';
import { decodeNames, REQUESTQ } from '../../wire/virtio-gpio.js';
import type { VqUsed } from '../../wire/virtio-msg/queue.js';

export interface AskNamesOptions {
  readonly session: BusSession;
  /** Calls it with every VQ_USED of the session from now on; replaces the one before. */
  readonly onUsed: (take: (message: VqUsed) => void) => void;
  readonly time: Time;
  readonly timeouts: Timeouts;
}

/**
 * Counts the named lines of a device whose lines are not in use: brings it up, asks for the names, and
 * resets it, which touches no line. Null when the names do not fit a message. Rejects as any request.
 */
export async function askNames(options: AskNamesOptions, devNum: number): Promise<number | null> {
  const { session, onUsed, time, timeouts } = options;
  const setup = await bringUp(session, devNum);
  const requests = new RequestQueue({
    devNum,
    size: setup.requestqSize,
    maxMsgSize: session.maxMsgSize,
    time,
    limitMs: timeouts.request,
    name: () => `device ${devNum}`,
    counters: new Counters([]),
    wake: (source) => session.outbox.wake(source),
    exhausted: () => undefined,
  });
  onUsed((message) => {
    if (message.devNum === devNum && message.vq === REQUESTQ) {
      requests.takeUsed(message.packet, message.count);
    }
  });
  try {
    const block = await requests.askNames(setup.namesSize);
    if (block === undefined) return null;
    return decodeNames(block, setup.lineCount).names.filter((name) => name !== undefined).length;
  } finally {
    requests.fail('CLOSED', 'the probe is over');
    await session.calls.call({ type: 'set-status-request', devNum, status: 0 }, 'set-status-response');
  }
}
