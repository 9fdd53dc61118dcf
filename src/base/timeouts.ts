/**
 * Every time limit of the project in one place: name, unit (milliseconds), default and the range
 * a configuration may set. Code takes a limit by its name, so that an error can say which ran out.
 */
export interface TimeLimit {
  readonly defaultMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  /** What waits, in words for an error message and for docs/operation.md. */
  readonly what: string;
}

export const TIMEOUTS = {
  rst_retry: { defaultMs: 100, minMs: 10, maxMs: 1_000, what: 'first repeat of a serial RST' },
  rst_retry_max: { defaultMs: 500, minMs: 10, maxMs: 5_000, what: 'longest pause between serial RSTs' },
  ack_delay: {
    defaultMs: 5,
    minMs: 1,
    maxMs: 20,
    what: 'longest time an accepted frame stays unacknowledged',
  },
  retransmit_min: { defaultMs: 50, minMs: 50, maxMs: 1_000, what: 'shortest retransmission timer' },
  retransmit_max: { defaultMs: 1_000, minMs: 100, maxMs: 10_000, what: 'longest retransmission timer' },
  nak_repeat: {
    defaultMs: 100,
    minMs: 100,
    maxMs: 1_000,
    what: 'pause before an out-of-sequence frame is answered with NAK again',
  },
  plain_rst_silence: {
    defaultMs: 30_000,
    minMs: 1_000,
    maxMs: 600_000,
    what: 'silence on a PLAIN channel before RST is tried again',
  },
  plain_event_silence: {
    defaultMs: 2_000,
    minMs: 100,
    maxMs: 60_000,
    what: 'silence of armed lines on a PLAIN channel before their buffers are queued again',
  },
  level_look: {
    defaultMs: 2_000,
    minMs: 100,
    maxMs: 600_000,
    what: 'silence of a both-edge line of rpmsg-gpio or SRTM firmware, before its level is read to see whether edges are missing',
  },
  hello: { defaultMs: 500, minMs: 50, maxMs: 10_000, what: 'answer to BUS_HELLO before it is sent again' },
  hello_max: { defaultMs: 2_000, minMs: 100, maxMs: 30_000, what: 'longest pause between BUS_HELLOs' },
  request: { defaultMs: 1_000, minMs: 50, maxMs: 60_000, what: 'answer to a GPIO or bus request' },
  reply_settle: {
    defaultMs: 100,
    minMs: 10,
    maxMs: 10_000,
    what: 'quiet after the last reply that rpmsg-gpio or SRTM firmware owes, before replies are believed',
  },
  rearm_delay: {
    defaultMs: 4,
    minMs: 1,
    maxMs: 100,
    what: 'event buffers of lines that have others at the device, before they are queued again, while edges come fast',
  },
  rearm_pause: {
    defaultMs: 10,
    minMs: 1,
    maxMs: 1_000,
    what: 'pause before an event buffer that came back at once is queued again',
  },
  idle_ping: { defaultMs: 2_000, minMs: 100, maxMs: 60_000, what: 'silence before the driver sends a PING' },
  clock_sample: { defaultMs: 10_000, minMs: 100, maxMs: 10_000, what: 'pause between BUS_TIME exchanges' },
  reopen_min: { defaultMs: 100, minMs: 10, maxMs: 60_000, what: 'first pause before a port is opened again' },
  reopen_max: {
    defaultMs: 1_000,
    minMs: 100,
    maxMs: 600_000,
    what: 'longest pause before a port is opened again',
  },
  write_stall: {
    defaultMs: 5_000,
    minMs: 500,
    maxMs: 60_000,
    what: 'bytes written out by a port before it is taken for stuck',
  },
  processor_look: {
    defaultMs: 1_000,
    minMs: 50,
    maxMs: 60_000,
    what: 'pause between looks at the state of the processor behind an rpmsg endpoint',
  },
  rpmsg_node: {
    defaultMs: 1_000,
    minMs: 10,
    maxMs: 60_000,
    what: 'the node of a new rpmsg endpoint, and udev to say who may open it',
  },
  connect: { defaultMs: 2_000, minMs: 50, maxMs: 60_000, what: 'connection to a socket' },
  first_try: {
    defaultMs: 3_000,
    minMs: 50,
    maxMs: 60_000,
    what: 'coprocessors that answer slowly, before the service manager is told READY all the same',
  },
  shutdown: { defaultMs: 700, minMs: 50, maxMs: 10_000, what: 'orderly end after SIGTERM' },
  guest_retry: {
    defaultMs: 200,
    minMs: 10,
    maxMs: 60_000,
    what: "pause before a virtual machine's line that could not be restored or read is tried again",
  },
  guest_chip: {
    defaultMs: 5_000,
    minMs: 50,
    maxMs: 60_000,
    what: "chip of a virtual machine that ran on over a restart, before its guest's requests are refused",
  },
  client_call: { defaultMs: 5_000, minMs: 100, maxMs: 600_000, what: 'answer of the daemon to a client' },
} as const satisfies Record<string, TimeLimit>;

export type TimeoutName = keyof typeof TIMEOUTS;

/** A full set of limits in milliseconds. */
export type Timeouts = Readonly<Record<TimeoutName, number>>;

/** The defaults, with some replaced. The configuration checks ranges before it calls this. */
export function timeouts(changes: Partial<Timeouts> = {}): Timeouts {
  const all = Object.fromEntries(Object.entries(TIMEOUTS).map(([name, limit]) => [name, limit.defaultMs]));
  return { ...(all as Record<TimeoutName, number>), ...changes };
}
