import { connect } from 'node:net';
import { STEP_MS } from '../limits.js';

/** The daemon hangs up at the first bad byte; a chip of a hostile coprocessor comes and goes. */
const EXPECTED = ['EPIPE', 'ECONNRESET', 'ENOENT', 'ECONNREFUSED'];

/** Sends this to a socket of the daemon and ends; resolves when the daemon has hung up too. */
export function sendTo(path: string, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.setTimeout(STEP_MS, () => socket.destroy(new Error(`${path}: silent, and does not hang up`)));
    socket.resume();
    let failure: NodeJS.ErrnoException | undefined;
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (!EXPECTED.includes(error.code ?? '')) failure = error;
    });
    socket.on('close', () => (failure === undefined ? resolve() : reject(failure)));
    socket.end(bytes);
  });
}
