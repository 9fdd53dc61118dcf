import { closeSync } from 'node:fs';
import type Koffi from 'koffi';
import { checked } from './errno.js';
import { koffi } from './koffi.js';
import { libc } from './libc.js';

const IN_NONBLOCK = 0o4000;
const IN_CLOEXEC = 0o2000000;
const IN_ATTRIB = 0x4;
const IN_MOVED_TO = 0x80;
const IN_CREATE = 0x100;
const IN_ONLYDIR = 0x0100_0000;
/** Bytes of struct inotify_event before the name. */
const EVENT_HEAD = 16;
const NAME_LENGTH_AT = 12;

/**
 * Tells of files that appear in a directory, or whose owner or mode changes (inotify). fs.watch would
 * also tell of each write to one, and in /dev there are many.
 */
export class FolderWatch {
  private readonly fd: number;
  private readonly handle: InstanceType<typeof Koffi.node.PollHandle>;
  private readonly events = Buffer.alloc(4_096);

  /** `changed` is given the name of the file. Throws a SystemCallError. */
  constructor(
    folder: string,
    private readonly changed: (name: string) => void,
  ) {
    this.fd = checked('inotify_init1', libc().inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    try {
      const mask = IN_ATTRIB | IN_MOVED_TO | IN_CREATE | IN_ONLYDIR;
      checked('inotify_add_watch', libc().inotify_add_watch(this.fd, folder, mask));
    } catch (error) {
      closeSync(this.fd);
      throw error;
    }
    this.handle = koffi().node.poll(this.fd, { readable: true }, () => this.read());
  }

  close(): void {
    this.handle.stop();
    this.handle.close();
    closeSync(this.fd);
  }

  /** One buffer at a time: what is left wakes it up again. */
  private read(): void {
    const { events } = this;
    const end = libc().read(this.fd, events, events.length);
    const names = new Set<string>();
    for (let at = 0; at + EVENT_HEAD <= end; ) {
      const start = at + EVENT_HEAD;
      at = start + events.readUInt32LE(at + NAME_LENGTH_AT);
      const zero = events.indexOf(0, start);
      names.add(events.toString('utf8', start, zero < 0 ? at : Math.min(zero, at)));
    }
    for (const name of names) this.changed(name);
  }
}
