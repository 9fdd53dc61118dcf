import { type BusMessage, decodeBus } from './bus.js';
import { type DroppedMessage, decodeHeader } from './header.js';
import { decodeTransport, type TransportMessage } from './transport.js';

/** Whatever a packet of the `virtio-msg` dialect holds. */
export type Message = BusMessage | TransportMessage | DroppedMessage;

/** Ids below this expect a response, among transport messages and among those of each bus half. */
const FIRST_TRANSPORT_EVENT = 0x40;
const FIRST_BUS_REQUEST = 0x80;
const FIRST_BUS_EVENT = 0xc0;

/** Whether messages of this id are sent as request and response (true) or as events. */
function expectsResponse(bus: boolean, id: number): boolean {
  return id < FIRST_TRANSPORT_EVENT || (bus && id >= FIRST_BUS_REQUEST && id < FIRST_BUS_EVENT);
}

/** Decodes one packet. Never throws: what must not be processed comes back as `dropped`, with its reason. */
export function decodeMessage(packet: Uint8Array): Message {
  const header = decodeHeader(packet);
  if ('type' in header) return header;
  const message = header.bus ? decodeBus(header, packet) : decodeTransport(header, packet);
  if (typeof message === 'string') return { type: 'dropped', reason: message, header };
  if (!header.response && header.token === 0 && expectsResponse(header.bus, header.id)) {
    return { type: 'dropped', reason: 'token-zero', header };
  }
  return message;
}
