import { closeSync } from 'node:fs';
import type Koffi from 'koffi';
import { checked } from './errno.js';
import { koffi } from './koffi.js';
import { libc } from './libc.js';

const IN_NONBLOCK = 0o4000;
const IN_CLOEXEC = 0o2000000;
const IN_OPEN = 0x20;

/** Tells when somebody opens a file (inotify), which Node's fs.watch does not. */
export class OpenWatch {
  private readonly fd: number;
  private readonly handle: InstanceType<typeof Koffi.node.PollHandle>;
  private readonly events = Buffer.alloc(4096);

  constructor(path: string, opened: () => void) {
    this.fd = checked('inotify_init1', libc().inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    try {
      checked('inotify_add_watch', libc().inotify_add_watch(this.fd, path, IN_OPEN));
    } catch (error) {
      closeSync(this.fd);
      throw error;
    }
    this.handle = koffi().node.poll(this.fd, { readable: true }, () => {
      while (libc().read(this.fd, this.events, this.events.length) > 0);
      opened();
    });
  }

  close(): void {
    this.handle.stop();
    this.handle.close();
    closeSync(this.fd);
  }
}
