import { connect } from 'node:net';

/** How long the daemon may take with what one connection sent. */
const LIMIT_MS = 10_000;
/** The daemon hangs up at the first bad byte; a chip of a hostile coprocessor comes and goes. */
const EXPECTED = ['EPIPE', 'ECONNRESET', 'ENOENT', 'ECONNREFUSED'];

/** Sends this to a socket of the daemon and ends; resolves when the daemon has hung up too. */
export function sendTo(path: string, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.setTimeout(LIMIT_MS, () => socket.destroy(new Error(`${path}: silent, and does not hang up`)));
    socket.resume();
    let failure: NodeJS.ErrnoException | undefined;
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (!EXPECTED.includes(error.code ?? '')) failure = error;
    });
    socket.on('close', () => (failure === undefined ? resolve() : reject(failure)));
    socket.end(bytes);
  });
}
