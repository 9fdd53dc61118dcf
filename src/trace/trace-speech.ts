import type { TraceRecord } from '../wire/trace/record.js';
import { Conversation, type Spoken } from './conversation.js';

/** Follows the conversations of all coprocessors of a trace. */
export class TraceSpeech {
  private readonly conversations = new Map<number, Conversation>();

  /**
   * What the packet of a record says; undefined for records without a packet. Records must come in
   * order. A frame that was resent says the same again, and one that was not delivered says nothing to
   * anybody: of those only the message is told.
   */
  of(record: TraceRecord): Spoken | undefined {
    const packet = packetOf(record);
    if (packet === undefined || record.kind !== 'frame') return undefined;
    const heard = record.fate === 'sent' || record.fate === 'delivered';
    return (heard ? this.conversation(record.source) : new Conversation()).hear(record.direction, packet);
  }

  private conversation(source: number): Conversation {
    let conversation = this.conversations.get(source);
    if (conversation === undefined) {
      conversation = new Conversation();
      this.conversations.set(source, conversation);
    }
    return conversation;
  }
}

/** The packet that a frame carries. */
export function packetOf(record: TraceRecord): Uint8Array | undefined {
  if (record.kind !== 'frame') return undefined;
  const { frame } = record;
  return frame.kind === 'data' || frame.kind === 'plain' ? frame.payload : undefined;
}
