import type { Time } from '../../base/clock.js';
import {
  driverInTheWay,
  type RpmsgChannel,
  type RpmsgControl,
  type RpmsgEndpoint,
  type RpmsgTree,
} from '../../linux/rpmsg-tree.js';
import { identity } from '../../linux/sysfs.js';

/**
 * What became of the channel that an endpoint serves; undefined: all is as it was. One that was made through a
 * control device, by whomever, outlives its channel, and hears nothing of the next. A channel's own
 * goes with it, which reading tells.
 */
export function channelWatch(endpoint: RpmsgEndpoint, rpmsg: RpmsgTree): () => string | undefined {
  const control = rpmsg.controlAbove(endpoint);
  if (control === undefined) return () => undefined;
  const namesakes = namesakesOf(endpoint, control, rpmsg);
  const channel = namesakes.find(({ dst }) => dst === endpoint.dst);
  if (channel !== undefined) return presence(channel);
  const known = new Set(namesakes.map(({ id }) => id));
  return () => {
    const isNew = namesakesOf(endpoint, control, rpmsg).some(({ id }) => !known.has(id));
    return isNew ? 'the firmware announces the service now' : undefined;
  };
}

/** Channels by the name of an endpoint, on its transport. */
function namesakesOf({ name }: RpmsgEndpoint, control: RpmsgControl, rpmsg: RpmsgTree): RpmsgChannel[] {
  return rpmsg.channelsOf(control).filter((channel) => channel.name === name);
}

function presence({ id, path }: RpmsgChannel): () => string | undefined {
  const then = identity(path);
  const driverThen = driverInTheWay(path);
  return () => {
    if (identity(path) !== then) return 'the firmware withdrew the service, or started anew';
    const driver = driverInTheWay(path);
    if (driver === undefined || driver === driverThen) return undefined;
    return `the kernel's driver ${driver} took the channel ${id}`;
  };
}

/**
 * Looks now and then for what no read tells: where a processor's recovery is disabled, a crash leaves
 * every endpoint as it is, open and silent.
 */
export function lookNowAndThen(
  down: () => string | undefined,
  ended: (reason: string) => void,
  time: Time,
  everyMs: number,
): () => void {
  const look = (): void => {
    const reason = down();
    if (reason === undefined) timer = time.set(look, everyMs);
    else ended(reason);
  };
  let timer = time.set(look, everyMs);
  return () => time.clear(timer);
}
