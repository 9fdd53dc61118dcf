import type { Fault, SimulatedDialect } from '../../firmware-sim/index.js';

/** One row of the campaign's table: a link, a dialect and what goes wrong. */
export interface Cell {
  readonly name: string;
  readonly link: 'pty' | 'unix' | 'seqpacket' | 'memory';
  readonly dialect: SimulatedDialect;
  /** Edges a second over all lines. */
  readonly rate: number;
  /** Of the campaign's time, against the other cells. */
  readonly share: number;
  readonly faults?: readonly Fault[];
  /** What is done to it every {@link DISTURB_EVERY_MS}. */
  readonly disturb?: Disturbance;
  /** Programs beside the one that is judged. */
  readonly beside?: 'slow-client' | 'dead-client';
  readonly stderr?: 'full' | 'closed';
  /** Edges may fall into gaps of unknown size: the firmware loses its state. */
  readonly forgets?: boolean;
}

export type Disturbance = 'reboot' | 'port' | 'crash' | 'daemon-stop';

export const DISTURB_EVERY_MS = 1_500;
/** How long a port stays away. */
export const AWAY_MS = 300;

const corrupt = (probability: number): Fault => ({ kind: 'corrupt', probability });
const BYTES = ['pty', 'unix'] as const;
const ALL = [...BYTES, 'seqpacket'] as const;
const MESSAGE_DIALECTS = ['rpmsg-gpio', 'rpmsg-gpio-v14', 'srtm'] as const;

/** Edges a second that a dialect of single messages is given: more than it carries, now and then. */
const MESSAGE_RATE = 1_000;
const FULL_RATE = 60_000;

function virtioMsg(name: string, links: readonly Cell['link'][], rest: Partial<Cell>): Cell[] {
  return links.map((link) => ({ name, link, dialect: 'virtio-msg', rate: FULL_RATE, share: 1, ...rest }));
}

function messages(name: string, links: readonly Cell['link'][], rest: Partial<Cell>): Cell[] {
  return MESSAGE_DIALECTS.flatMap((dialect) =>
    links.map((link): Cell => ({ name, link, dialect, rate: MESSAGE_RATE, share: 0.25, ...rest })),
  );
}

/** In a time that is moved by hand. */
export const SLEEP_CELLS: readonly Cell[] = [
  { name: 'host sleeps, clocks step', link: 'memory', dialect: 'virtio-msg', rate: 1_000, share: 1 },
  {
    name: 'the same, clock drifts 200 ppm',
    link: 'memory',
    dialect: 'virtio-msg',
    rate: 1_000,
    share: 1,
    faults: [{ kind: 'drift', ppm: 200 }],
  },
];

export const CELLS: readonly Cell[] = [
  ...virtioMsg('nothing wrong', ALL, { share: 4 }),
  ...virtioMsg('damage 1e-5', BYTES, { faults: [corrupt(1e-5)], share: 2 }),
  ...virtioMsg('damage 1e-4', BYTES, { faults: [corrupt(1e-4)], rate: 20_000 }),
  ...virtioMsg('damage 1e-3', BYTES, { faults: [corrupt(1e-3)], rate: 2_000 }),
  ...virtioMsg('bytes dropped 1e-4', BYTES, { faults: [{ kind: 'drop', probability: 1e-4 }], rate: 20_000 }),
  ...virtioMsg('frames twice 1e-2', BYTES, {
    faults: [{ kind: 'duplicate', probability: 0.01 }],
    rate: 5_000,
  }),
  ...virtioMsg('delay 20 ms', BYTES, { faults: [{ kind: 'delay', delayNs: 20e6 }], rate: 4_000 }),
  ...virtioMsg('delay 200 ms', BYTES, { faults: [{ kind: 'delay', delayNs: 200e6 }], rate: 100, share: 4 }),
  ...virtioMsg('stalls of 400 ms', BYTES, {
    faults: [{ kind: 'stall', periodNs: 2e9, lengthNs: 400e6 }],
    rate: 20_000,
  }),
  ...virtioMsg('damage and stalls', BYTES, {
    faults: [corrupt(3e-4), { kind: 'stall', periodNs: 2e9, lengthNs: 300e6 }],
    rate: 5_000,
  }),
  ...virtioMsg('reboots', ALL, { disturb: 'reboot', forgets: true, rate: 20_000 }),
  ...virtioMsg('port gone and back', ALL, { disturb: 'port', rate: 10_000 }),
  ...virtioMsg('crashes', ALL, { disturb: 'crash', forgets: true, rate: 10_000 }),
  ...virtioMsg('daemon stopped a while', ['pty'], { disturb: 'daemon-stop', rate: 20_000 }),
  ...virtioMsg('slow client beside', ['unix'], { beside: 'slow-client', share: 2 }),
  ...virtioMsg('clients killed beside', ['unix'], { beside: 'dead-client', share: 2 }),
  ...virtioMsg('stderr is full', ['unix'], { stderr: 'full', disturb: 'port', rate: 10_000 }),
  ...virtioMsg('stderr is closed', ['unix'], { stderr: 'closed', disturb: 'port', rate: 10_000 }),
  ...virtioMsg('clock drifts 200 ppm', ['unix'], { faults: [{ kind: 'drift', ppm: 200 }], share: 2 }),
  ...virtioMsg('clock drifts -200 ppm', ['pty'], { faults: [{ kind: 'drift', ppm: -200 }] }),
  ...messages('nothing wrong', ['pty', 'seqpacket'], {}),
  ...messages('damage 1e-4', ['pty'], { faults: [corrupt(1e-4)] }),
  ...messages('messages lost 1e-2', ['seqpacket'], { faults: [{ kind: 'lose', probability: 0.01 }] }),
  ...messages('answers late by 20 ms', ['seqpacket'], { faults: [{ kind: 'late', delayNs: 20e6 }] }),
  ...messages('port gone and back', ['seqpacket'], { disturb: 'port' }),
];
