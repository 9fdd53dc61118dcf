/**
 * An open descriptor that keeps the boundaries of messages, and how to let go of it: what a
 * {@link MessageLink} runs on. Non-blocking, and polled for reading.
 */
export interface MessageEndpoint {
  readonly fd: number;
  /** The device node, where it has one: `/dev/rpmsg0`. */
  readonly path?: string;
  /** Messages that waited in it since before it was opened, and were dropped. */
  readonly drained?: number;
  /** The longest message that it carries, bytes. */
  readonly maxPacket: number;
  /**
   * Whether opening it once more makes a channel that nothing sent on this one can reach: PacketLink's
   * `renew` closes this endpoint and opens another.
   */
  readonly renewable: boolean;
  /** Why the link is down when it ends, in one line with the remedy; `error` as read or write gave it. */
  explainEnd(error: NodeJS.ErrnoException | undefined): string;
  /**
   * Looks after what the descriptor does not tell of, until the function that is returned is called;
   * `ended` with a reason when the link is of no more use.
   */
  watch?(ended: (reason: string) => void): () => void;
  /** Closes the descriptor, and destroys what was made for it. Called once; never throws. */
  close(): void;
}
