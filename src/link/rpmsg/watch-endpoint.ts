import type { Time } from '../../base/clock.js';
import {
  driverInTheWay,
  type RpmsgChannel,
  type RpmsgEndpoint,
  type RpmsgTree,
} from '../../linux/rpmsg-tree.js';
import type { RpmsgPlaces } from './places.js';
import { hearRpmsg } from './watch-rpmsg.js';

/**
 * What became of the channel that an endpoint serves; undefined: all is as it was. One that was made through a
 * control device, by whomever, outlives its channel, and hears nothing of the next. A channel's own
 * goes with it, which reading tells.
 */
export function channelWatch(endpoint: RpmsgEndpoint, rpmsg: RpmsgTree): () => string | undefined {
  const control = rpmsg.controlAbove(endpoint);
  if (control === undefined) return () => undefined;
  const namesakes = rpmsg.channelsOf(control, endpoint.name);
  const channel = namesakes.find(({ dst }) => dst === endpoint.dst);
  if (channel !== undefined) return presence(channel, rpmsg);
  const known = new Set(namesakes.map(({ id }) => id));
  return () => {
    const isNew = rpmsg.channelsOf(control, endpoint.name).some(({ id }) => !known.has(id));
    return isNew ? 'the firmware announces the service now' : undefined;
  };
}

function presence({ id, path }: RpmsgChannel, rpmsg: RpmsgTree): () => string | undefined {
  const then = rpmsg.identityOf(path);
  const driverThen = driverInTheWay(path);
  return () => {
    if (rpmsg.identityOf(path) !== then) return 'the firmware withdrew the service, or started anew';
    const driver = driverInTheWay(path);
    if (driver === undefined || driver === driverThen) return undefined;
    return `the kernel's driver ${driver} took the channel ${id}`;
  };
}

export interface LookOptions {
  readonly time: Time;
  readonly everyMs: number;
  readonly hearKernel: RpmsgPlaces['hearKernel'];
}

/**
 * Looks after what no read tells: at once when the kernel says that something on rpmsg has changed, and now and then
 * besides. Where a processor's recovery is disabled, a crash leaves every endpoint as it is, open and
 * silent, and nothing is said of it; and not every process hears the kernel.
 */
export function lookAfter(
  down: () => string | undefined,
  ended: (reason: string) => void,
  { time, everyMs, hearKernel }: LookOptions,
): () => void {
  const look = (): boolean => {
    const reason = down();
    if (reason !== undefined) ended(reason);
    return reason === undefined;
  };
  const lookAgain = (): void => {
    if (look()) timer = time.set(lookAgain, everyMs);
  };
  let timer = time.set(lookAgain, everyMs);
  const hearing = hearRpmsg(hearKernel, look);
  return () => {
    time.clear(timer);
    hearing?.close();
  };
}
