import { chmodSync, closeSync, lstatSync } from 'node:fs';
import { Subject } from 'rxjs';
import type { Time } from '../../base/clock.js';
import { bindSeqpacket, connectSeqpacket, SeqpacketListener } from '../../linux/seqpacket.js';
import type { LinkListener } from '../listener.js';
import { listenFailed, makeRoomForSocket, removeIf } from '../socket-file.js';
import { MessageLink } from './message-link.js';
import { seqpacketEndpoint } from './seqpacket.js';

/**
 * Listens for drivers on a SOCK_SEQPACKET socket; `links$` gives the device's end of each connection.
 * Rejects with BUSY, PERMISSION_DENIED or IO_ERROR, in one line with the remedy.
 */
export async function listenSeqpacket(path: string, time: Time): Promise<LinkListener> {
  const name = `seqpacket:${path}`;
  await makeRoomForSocket(name, path, isLive);
  const links = new Subject<MessageLink>();
  const open = new Set<MessageLink>();
  const { listener, inode } = startListening(name, path, (connection) => {
    const link = new MessageLink(name, seqpacketEndpoint(connection), { role: 'device', time });
    open.add(link);
    link.state$.subscribe({ complete: () => open.delete(link) });
    links.next(link);
  });
  const close = async () => {
    listener.close();
    links.complete();
    await Promise.all([...open].map((link) => link.close()));
    // Another listener may have taken the name over meanwhile.
    removeIf(path, ({ ino }) => ino === inode);
  };
  return { name, links$: links.asObservable(), close };
}

function startListening(name: string, path: string, accepted: (connection: number) => void) {
  try {
    const fd = bindSeqpacket(path);
    try {
      // Nobody can connect before it listens.
      chmodSync(path, 0o660);
      return { listener: new SeqpacketListener(fd, accepted), inode: lstatSync(path).ino };
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  } catch (error) {
    throw listenFailed(name, error as NodeJS.ErrnoException);
  }
}

function isLive(path: string): boolean {
  try {
    closeSync(connectSeqpacket(path));
    return true;
  } catch (error) {
    // Only a refusal means that nobody is there; without permission we cannot know, and leave it.
    return (error as NodeJS.ErrnoException).code !== 'ECONNREFUSED';
  }
}
