import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { BridgeError } from '../../base/errors.js';

/** A name that this process serves alone. */
export interface ClaimedName {
  release(): Promise<void>;
}

/**
 * Claims the name of a pty: a symbolic link cannot tell whether the program that made it lives, and
 * the number of a pseudoterminal is soon another program's. The claim is a socket in the abstract
 * namespace, which the kernel takes back when the process ends in whatever way. Rejects with BUSY
 * while another program has it.
 */
export function claimName(name: string, path: string): Promise<ClaimedName> {
  const whole = join(realpathSync(dirname(path)), basename(path));
  const address = `\0gpiobridge-pty-${createHash('sha256').update(whole).digest('hex')}`;
  // Nobody has anything to say to it.
  const server = createServer((socket) => socket.destroy());
  server.unref();
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new BridgeError('BUSY', `${name}: another program serves it: end that one, or choose another path`, {
          cause,
        }),
      );
    });
    server.listen({ path: address }, () =>
      resolve({ release: () => new Promise((done) => server.close(() => done())) }),
    );
  });
}
