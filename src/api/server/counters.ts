/** What the socket API counts, by cause; `status` shows it. They only ever grow. */
export interface ApiCounters {
  connections: number;
  /** Connections turned away because the socket had as many as it may. */
  connections_refused: number;
  /** Clients disconnected because what they sent was not MessagePack-RPC within its limits. */
  clients_broke_format: number;
  calls: number;
  calls_failed: number;
  notifications_ignored: number;
  /** `events` notifications sent: far fewer than events when these come fast. */
  event_messages: number;
  /** Events dropped from clients' full queues; each is counted to its client in a gap. */
  events_dropped: number;
}

export function newApiCounters(): ApiCounters {
  return {
    connections: 0,
    connections_refused: 0,
    clients_broke_format: 0,
    calls: 0,
    calls_failed: 0,
    notifications_ignored: 0,
    event_messages: 0,
    events_dropped: 0,
  };
}
