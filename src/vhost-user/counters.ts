/** What a back end counts; only ever grows, over connections. */
export interface BackendCounters extends Record<string, number> {
  connections: number;
  messages: number;
  /** Messages that are not known here, or ask for what cannot be done. */
  messages_refused: number;
  /** Connections that ended because the front end broke the protocol. */
  violations: number;
  kicks: number;
  buffers_taken: number;
  buffers_returned: number;
  /** Interrupts of the guest. */
  calls: number;
  /** Returns of buffers that were not held (any more). */
  returns_ignored: number;
  /** Buffers of before a death or a lost connection that were offered to the device again. */
  buffers_resumed: number;
  queues_broken: number;
}

export function newBackendCounters(): BackendCounters {
  return {
    connections: 0,
    messages: 0,
    messages_refused: 0,
    violations: 0,
    kicks: 0,
    buffers_taken: 0,
    buffers_returned: 0,
    calls: 0,
    returns_ignored: 0,
    buffers_resumed: 0,
    queues_broken: 0,
  };
}
