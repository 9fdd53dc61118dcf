import type { Fault, SimulatedDialect } from '../../firmware-sim/index.js';

/** One row of the campaign's table: a link, a dialect and what goes wrong. */
export interface Cell {
  readonly name: string;
  readonly link: 'pty' | 'unix' | 'seqpacket' | 'memory';
  readonly dialect: SimulatedDialect;
  /** Edges a second over all lines. */
  readonly rate: number;
  /** At least. */
  readonly seconds: number;
  /** Of the edges that are still to be made once every cell had its seconds, against the other cells. */
  readonly share?: number;
  readonly faults?: readonly Fault[];
  /** What is done to it every {@link DISTURB_EVERY_MS}. */
  readonly disturb?: Disturbance;
  /** Programs beside the one that is judged. */
  readonly beside?: 'slow-client' | 'dead-client';
  readonly stderr?: 'full' | 'closed';
  /** Edges that the device keeps of a line. */
  readonly eventDepth?: number;
  /** Edges may fall into gaps of unknown size: the firmware loses its state. */
  readonly forgets?: boolean;
  /** Messages come twice that have no number: a copy of an interrupt cannot be told from another one. */
  readonly copies?: boolean;
  /** More happens than is kept: some must be counted as lost. */
  readonly losesCounted?: boolean;
}

export type Disturbance = 'reboot' | 'port' | 'crash' | 'daemon-stop' | 'client-stop';

export const DISTURB_EVERY_MS = 1_800;
/** How long a port stays away, and a daemon is stopped. */
export const AWAY_MS = 300;
/** How long the client that is judged does not read: at the full rate more happens than its queue holds. */
export const STOPPED_MS = 1_000;

export const nameOf = ({ link, dialect, name }: Cell): string => `${link}, ${dialect}: ${name}`;

const corrupt = (probability: number): Fault => ({ kind: 'corrupt', probability });
const delay = (ms: number): Fault => ({ kind: 'delay', delayNs: ms * 1e6 });
const stall = (lengthMs: number): Fault => ({ kind: 'stall', periodNs: 2e9, lengthNs: lengthMs * 1e6 });
const drift = (ppm: number): Fault => ({ kind: 'drift', ppm });
const dropped: Fault = { kind: 'drop', probability: 1e-4 };
const twice: Fault = { kind: 'duplicate', probability: 0.01 };

const BYTES = ['pty', 'unix'] as const;
const ALL = [...BYTES, 'seqpacket'] as const;
const MESSAGE_DIALECTS = ['rpmsg-gpio', 'rpmsg-gpio-v14', 'srtm'] as const;

const FULL_RATE = 60_000;
/** Edges a second that a dialect of single messages carries, nearly all of them. */
const MESSAGE_RATE = 500;
const SECONDS = 4.5;
/** Of cells that are disturbed: four times or more. */
const DISTURBED_SECONDS = 10;

type Rest = Partial<Cell>;

const least = ({ disturb, beside }: Rest): number =>
  disturb === undefined && beside === undefined ? SECONDS : DISTURBED_SECONDS;

function virtioMsg(name: string, links: readonly Cell['link'][], rest: Rest): Cell[] {
  return links.map(
    (link): Cell => ({ name, link, dialect: 'virtio-msg', rate: FULL_RATE, seconds: least(rest), ...rest }),
  );
}

function messages(name: string, links: readonly Cell['link'][], rest: Rest): Cell[] {
  return MESSAGE_DIALECTS.flatMap((dialect) =>
    links.map((link): Cell => ({ name, link, dialect, rate: MESSAGE_RATE, seconds: least(rest), ...rest })),
  );
}

/** In a time that is moved by hand. */
export const SLEEP_CELLS: readonly Cell[] = [
  { name: 'host sleeps, clocks step', link: 'memory', dialect: 'virtio-msg', rate: 1_000, seconds: 10 },
  {
    name: 'the same, drift 200 ppm',
    link: 'memory',
    dialect: 'virtio-msg',
    rate: 1_000,
    seconds: 10,
    faults: [drift(200)],
  },
];

/** Every fault on every link where it means something. */
const VIRTIO_MSG: readonly Cell[] = [
  ...virtioMsg('nothing wrong', ALL, { share: 4 }),
  ...virtioMsg('damage 1e-5', BYTES, { faults: [corrupt(1e-5)], share: 2 }),
  ...virtioMsg('damage 1e-4', BYTES, { faults: [corrupt(1e-4)], rate: 20_000 }),
  ...virtioMsg('damage 1e-3', BYTES, { faults: [corrupt(1e-3)], rate: 2_000 }),
  ...virtioMsg('bytes dropped 1e-4', BYTES, { faults: [dropped], rate: 20_000 }),
  ...virtioMsg('frames twice 1e-2', BYTES, { faults: [twice], rate: 5_000 }),
  ...virtioMsg('delay 20 ms', BYTES, { faults: [delay(20)], rate: 4_000 }),
  ...virtioMsg('delay 200 ms', BYTES, { faults: [delay(200)], rate: 100, seconds: 12 }),
  ...virtioMsg('stalls of 400 ms', BYTES, { faults: [stall(400)], rate: 20_000, seconds: 10 }),
  ...virtioMsg('damage and stalls', BYTES, { faults: [corrupt(3e-4), stall(300)], rate: 5_000, seconds: 10 }),
  ...virtioMsg('stalls, little kept', BYTES, {
    faults: [stall(400)],
    rate: 20_000,
    seconds: 10,
    eventDepth: 16,
    losesCounted: true,
  }),
  ...virtioMsg('reboots', ALL, { disturb: 'reboot', forgets: true, rate: 20_000 }),
  ...virtioMsg('port gone and back', ALL, { disturb: 'port', rate: 10_000 }),
  ...virtioMsg('port gone, little kept', ALL, {
    disturb: 'port',
    rate: 10_000,
    eventDepth: 16,
    losesCounted: true,
  }),
  ...virtioMsg('crashes', ALL, { disturb: 'crash', forgets: true, rate: 10_000 }),
  ...virtioMsg('damage and reboots', BYTES, {
    faults: [corrupt(1e-4)],
    disturb: 'reboot',
    forgets: true,
    rate: 5_000,
  }),
  ...virtioMsg('daemon stopped a while', ALL, { disturb: 'daemon-stop', rate: 20_000 }),
  ...virtioMsg('client stops reading', ALL, { disturb: 'client-stop', losesCounted: true }),
  ...virtioMsg('slow client beside', ALL, { beside: 'slow-client' }),
  ...virtioMsg('clients killed beside', ALL, { beside: 'dead-client' }),
  ...virtioMsg('stderr is full', ALL, { stderr: 'full', disturb: 'port', rate: 10_000 }),
  ...virtioMsg('stderr is closed', ALL, { stderr: 'closed', disturb: 'port', rate: 10_000 }),
  ...virtioMsg('drift 200 ppm', ALL, { faults: [drift(200)], share: 1 }),
  ...virtioMsg('drift -200 ppm', ALL, { faults: [drift(-200)] }),
];

/**
 * Over a serial link, which repairs its bytes, and over messages, each lost or repeated by itself. One request is
 * under way at a time: the slower the answers, the fewer edges, so that nearly all of them are seen.
 */
const MESSAGES: readonly Cell[] = [
  ...messages('nothing wrong', ['pty', 'seqpacket'], {}),
  ...messages('damage 1e-5', ['pty'], { faults: [corrupt(1e-5)] }),
  ...messages('damage 1e-4', ['pty'], { faults: [corrupt(1e-4)], rate: 200 }),
  ...messages('damage 1e-3', ['pty'], { faults: [corrupt(1e-3)], rate: 40 }),
  ...messages('bytes dropped 1e-4', ['pty'], { faults: [dropped], rate: 200 }),
  ...messages('frames twice 1e-2', ['pty'], { faults: [twice] }),
  ...messages('delay 20 ms', ['pty'], { faults: [delay(20)], rate: 5, seconds: 12 }),
  ...messages('delay 200 ms', ['pty'], { faults: [delay(200)], rate: 1, seconds: 15 }),
  ...messages('stalls of 400 ms', ['pty'], { faults: [stall(400)], rate: 50, seconds: 10 }),
  ...messages('messages lost 1e-2', ['seqpacket'], {
    faults: [{ kind: 'lose', probability: 0.01 }],
    rate: 5,
    seconds: 20,
  }),
  // An answer of the other two dialects has no sign of its request: a copy would be taken for the next one.
  {
    name: 'messages twice 1e-1',
    link: 'seqpacket',
    dialect: 'srtm',
    rate: MESSAGE_RATE,
    seconds: SECONDS,
    faults: [{ kind: 'repeat', probability: 0.1 }],
    copies: true,
  },
  ...messages('answers late by 20 ms', ['seqpacket'], {
    faults: [{ kind: 'late', delayNs: 20e6 }],
    rate: 8,
    seconds: 15,
  }),
  ...messages('reboots', ['pty', 'seqpacket'], { disturb: 'reboot' }),
  ...messages('port gone and back', ['pty', 'seqpacket'], { disturb: 'port' }),
  ...messages('crashes', ['pty', 'seqpacket'], { disturb: 'crash' }),
  ...messages('daemon stopped a while', ['pty'], { disturb: 'daemon-stop' }),
  ...messages('slow client beside', ['seqpacket'], { beside: 'slow-client', rate: 200 }),
  ...messages('clients killed beside', ['pty'], { beside: 'dead-client', rate: 200 }),
  ...messages('stderr is full', ['seqpacket'], { stderr: 'full', disturb: 'port' }),
  ...messages('stderr is closed', ['pty'], { stderr: 'closed', disturb: 'port' }),
];

export const CELLS: readonly Cell[] = [...VIRTIO_MSG, ...MESSAGES];

/** A machine that is held up makes a few edges less. */
const SPARE = 1.01;

/** Seconds of each cell, so that all of them together make so many edges, and a few more. */
export function lengths(cells: readonly Cell[], edges: number): ReadonlyMap<Cell, number> {
  const sure = cells.reduce((sum, { rate, seconds }) => sum + rate * seconds, 0);
  const shared = cells.reduce((sum, { rate, share = 0 }) => sum + rate * share, 0);
  const each = shared === 0 ? 0 : Math.max(0, (edges * SPARE - sure) / shared);
  return new Map(cells.map((cell) => [cell, cell.seconds + each * (cell.share ?? 0)]));
}
