import { timeouts } from '../../src/base/timeouts.js';
import { receiveDamage, receiveFrame } from '../../src/link/serial/arq-receive.js';
import type { ChannelChange } from '../../src/link/serial/arq-session.js';
import { type ArqState, newArq } from '../../src/link/serial/arq-state.js';
import {
  deadline,
  sendPacket,
  sendRoom,
  tick,
  transmit,
  written,
} from '../../src/link/serial/arq-transmit.js';
import { MAX_PAYLOAD, type SerialFrame } from '../../src/wire/serial-frame.js';
import type { Model, Step } from './explore.js';

/**
 * Two ends of the serial link with a wire that keeps the order of frames, and may lose, damage or
 * repeat any, while either end restarts. Each end sends a few packets; what arrives in a session
 * must be a beginning of what was sent in it, once and in order.
 */
export interface ArqPair {
  now: number;
  readonly ends: Readonly<Record<Role, End>>;
  /** What may still go wrong. */
  readonly left: Faults;
  wrong: string | undefined;
}

export type Role = 'driver' | 'device';

export interface Faults {
  /** Frames that vanish, or arrive as bytes that are no frame. */
  losses: number;
  /** Frames that arrive twice. */
  repeats: number;
  /** Times that a timer runs out although frames are on the way. */
  delays: number;
  /** Restarts of the driver's and of the device's program. */
  driverRestarts: number;
  deviceRestarts: number;
}

interface End {
  arq: ArqState;
  /** Frames on their way to this end. */
  inbound: SerialFrame[];
  /** Packets that this end will still send. */
  backlog: number;
  /** Packets sent in the present channel, and the number that must arrive next. */
  sent: number;
  got: number;
}

/** Of each fault how many, none where not named. */
export type ArqFaults = Partial<Readonly<Faults>>;

/** A line that carried frames until its ends trust it with the whole window; then three packets and two. */
export function usedLine(window: number, faults: ArqFaults): ArqModelOptions {
  return {
    window,
    packets: { driver: 3, device: 2 },
    faults: { losses: 0, repeats: 0, delays: 0, driverRestarts: 0, deviceRestarts: 0, ...faults },
    before: 12 * window,
  };
}

export interface ArqModelOptions {
  readonly window: number;
  /** Packets that each end sends. */
  readonly packets: Readonly<Record<Role, number>>;
  readonly faults: Readonly<Faults>;
  /** Packets that went over the line, without a fault, before: the window has grown with them. */
  readonly before: number;
}

/** Steps after which two ends that are left in peace should long be done. */
const LONGEST_REST = 500;

const ROLES: readonly Role[] = ['driver', 'device'];

export function arqModel(options: ArqModelOptions): Model<ArqPair> {
  const start = openedPair(options);
  return {
    start,
    next: (pair) => steps(pair, options),
    key: keyOf,
    wrong: (pair) => pair.wrong,
    wrongFromHere: (pair) => (settles(pair, options) ? undefined : 'the ends never come to terms'),
    wrongAtEnd: (pair) => (isSettled(pair) ? undefined : 'the line is quiet and not all has arrived'),
  };
}

/** Whether both ends are done when nothing more goes wrong: everything arrives, and every timer runs. */
function settles(pair: ArqPair, options: ArqModelOptions): boolean {
  const copy = copyOf(pair);
  for (let step = 0; step < LONGEST_REST && copy.wrong === undefined; step++) {
    if (isSettled(copy)) return true;
    const role = ROLES.find((one) => copy.ends[one].inbound.length > 0);
    if (role !== undefined) arrive(copy, role, copy.ends[role].inbound.shift()!);
    else copy.now = Math.max(copy.now, nextDeadline(copy));
    act(copy, options);
  }
  return false;
}

function isSettled({ ends: { driver, device } }: ArqPair): boolean {
  if (driver.arq.phase !== 'up' || device.arq.phase !== 'up' || driver.arq.session !== device.arq.session)
    return false;
  if (driver.got !== device.sent || device.got !== driver.sent) return false;
  return [driver, device].every(
    ({ arq, backlog, inbound }) => backlog === 0 && inbound.length === 0 && arq.inFlight.length === 0,
  );
}

/** A pair in a session, as after a while of use. */
function openedPair(options: ArqModelOptions): ArqPair {
  const pair: ArqPair = {
    now: 1_000,
    ends: { driver: newEnd('driver', 7, options), device: newEnd('device', 11, options) },
    left: { ...options.faults },
    wrong: undefined,
  };
  const { driver, device } = pair.ends;
  act(pair, options);
  for (let i = 0; i < options.before; i++) {
    driver.backlog++;
    device.backlog++;
    act(pair, options);
    for (let step = 0; !isSettled(pair) && step < 100; step++) {
      const role = ROLES.find((one) => pair.ends[one].inbound.length > 0);
      if (role === undefined) pair.now = Math.max(pair.now, nextDeadline(pair));
      else arrive(pair, role, pair.ends[role].inbound.shift()!);
      act(pair, options);
    }
  }
  driver.backlog = options.packets.driver;
  device.backlog = options.packets.device;
  act(pair, options);
  return pair;
}

function newEnd(role: Role, seed: number, options: ArqModelOptions): End {
  return {
    arq: newArq(
      {
        role,
        mode: 'reliable',
        window: options.window,
        maxPayload: MAX_PAYLOAD,
        bytesPerMs: Number.POSITIVE_INFINITY,
        limits: timeouts(),
      },
      seed,
      1_000,
    ),
    inbound: [],
    backlog: 0,
    sent: 0,
    got: 0,
  };
}

function* steps(pair: ArqPair, options: ArqModelOptions): Generator<Step<ArqPair>> {
  const step = (name: string, change: (copy: ArqPair) => void): Step<ArqPair> => {
    const copy = copyOf(pair);
    change(copy);
    act(copy, options);
    return { name, state: copy };
  };
  for (const role of ROLES) {
    const frame = pair.ends[role].inbound[0];
    if (frame === undefined) continue;
    const what = `${describe(frame)} to the ${role}`;
    yield step(`arrives: ${what}`, (copy) => arrive(copy, role, copy.ends[role].inbound.shift()!));
    if (pair.left.losses > 0) {
      yield step(`lost: ${what}`, (copy) => {
        copy.left.losses--;
        copy.ends[role].inbound.shift();
      });
      yield step(`damaged: ${what}`, (copy) => {
        copy.left.losses--;
        copy.ends[role].inbound.shift();
        receiveDamage(copy.ends[role].arq, copy.now);
      });
    }
    if (pair.left.repeats > 0) {
      yield step(`arrives, to come again: ${what}`, (copy) => {
        copy.left.repeats--;
        arrive(copy, role, copy.ends[role].inbound[0]!);
      });
    }
  }
  const at = nextDeadline(pair);
  const idle = ROLES.every((role) => pair.ends[role].inbound.length === 0);
  if (Number.isFinite(at) && (idle || pair.left.delays > 0)) {
    yield step(`${Math.max(0, at - pair.now)} ms pass`, (copy) => {
      if (!idle) copy.left.delays--;
      copy.now = Math.max(copy.now, at);
    });
  }
  for (const role of ROLES) {
    const budget = role === 'driver' ? 'driverRestarts' : 'deviceRestarts';
    if (pair.left[budget] === 0) continue;
    yield step(`the ${role} restarts`, (copy) => {
      const seed = role === 'driver' ? 10_007 : 10_009;
      copy.left[budget]--;
      const { backlog, inbound } = copy.ends[role];
      const fresh = newEnd(role, seed + copy.left[budget], options);
      fresh.arq.nextRstAt = copy.now;
      fresh.arq.lastHeardAt = copy.now;
      fresh.arq.progressAt = copy.now;
      Object.assign(copy.ends[role], fresh, { backlog, inbound });
    });
  }
}

/** Frames and packets are never changed, so copies share them. */
function copyOf(pair: ArqPair): ArqPair {
  const { driver, device } = pair.ends;
  return { ...pair, left: { ...pair.left }, ends: { driver: copyOfEnd(driver), device: copyOfEnd(device) } };
}

function copyOfEnd(end: End): End {
  const { arq } = end;
  return {
    ...end,
    inbound: [...end.inbound],
    arq: {
      ...arq,
      formerSessions: [...arq.formerSessions],
      actedOnRsts: [...arq.actedOnRsts],
      inFlight: arq.inFlight.map((frame) => ({ ...frame })),
      counters: { ...arq.counters },
    },
  };
}

function nextDeadline({ ends }: ArqPair): number {
  return Math.min(deadline(ends.driver.arq), deadline(ends.device.arq));
}

function arrive(pair: ArqPair, role: Role, frame: SerialFrame): void {
  const end = pair.ends[role];
  const { packet, change } = receiveFrame(end.arq, frame, pair.now);
  note(end, change);
  if (packet === undefined) return;
  const view = Buffer.from(packet);
  const session = view.readUInt32LE(0);
  const index = view.readUInt32LE(4);
  if (session !== end.arq.session)
    pair.wrong ??= `a packet of session ${session} came to the ${role} in ${end.arq.session}`;
  else if (index !== end.got) pair.wrong ??= `packet ${index} came to the ${role} instead of ${end.got}`;
  end.got++;
}

function note(end: End, change: ChannelChange | undefined): void {
  if (change === undefined) return;
  end.sent = 0;
  end.got = 0;
}

/** Both ends do what is due: timers, then packets and frames to send, which are on the wire at once. */
function act(pair: ArqPair, options: ArqModelOptions): void {
  for (const role of ROLES) {
    const end = pair.ends[role];
    const { arq } = end;
    note(end, tick(arq, pair.now));
    while (end.backlog > 0 && sendRoom(arq) > 0) {
      end.backlog--;
      const packet = Buffer.alloc(8);
      packet.writeUInt32LE(arq.session, 0);
      packet.writeUInt32LE(end.sent++, 4);
      sendPacket(arq, Uint8Array.from(packet));
    }
    const frames = transmit(arq, pair.now);
    written(arq, arq.writeId, pair.now);
    const other = pair.ends[role === 'driver' ? 'device' : 'driver'];
    other.inbound.push(...frames);
    if (other.inbound.length > 40 * options.window) pair.wrong ??= `the ${role} floods the line`;
  }
}

function describe(frame: SerialFrame): string {
  switch (frame.kind) {
    case 'data':
      return `DATA ${frame.ns} (N(R) ${frame.nr})`;
    case 'ack':
      return `${frame.nak ? 'NAK' : 'ACK'} ${frame.nr}`;
    default:
      return frame.kind.toUpperCase();
  }
}

const TIMES: ReadonlySet<string> = new Set([
  'nextRstAt',
  'lastRstAt',
  'progressAt',
  'ackAt',
  'lastNakAt',
  'lastHeardAt',
  'firstSentAt',
  'sentAt',
  'outAt',
]);
/** What no step depends on. */
const IDLE: ReadonlySet<string> = new Set(['config', 'channel', 'writeId']);

/** The pair with times relative to now and without what nothing depends on. Made of every state: written for speed. */
function keyOf({ ends, left, now }: ArqPair): string {
  return keyOfValue('ends', ends, now) + keyOfValue('left', left, now);
}

function keyOfValue(name: string, value: unknown, now: number): string {
  if (IDLE.has(name)) return '';
  if (name === 'counters') return (value as ArqState['counters']).data_resent > 0 ? 'resent' : '';
  if (typeof value === 'number')
    return TIMES.has(name) && Number.isFinite(value)
      ? String(Math.round((value - now) * 1_000) / 1_000)
      : String(value);
  if (typeof value !== 'object' || value === null) return String(value);
  if (value instanceof Uint8Array) return `<${value.join()}>`;
  const members = value as Record<string, unknown>;
  let key = '{';
  for (const member in members) key += `${keyOfValue(member, members[member], now)},`;
  return `${key}}`;
}
