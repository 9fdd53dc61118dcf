/** The front end broke the protocol in a way that ends the connection. `message` says how, in one line. */
export class ProtocolViolation extends Error {
  override readonly name = 'ProtocolViolation';
}
