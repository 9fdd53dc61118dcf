import { FolderWatch } from '../../linux/folder-watch.js';
import { Uevents } from '../../linux/uevents.js';

/** Until when something is watched. */
export interface Watch {
  close(): void;
}

/**
 * Calls `changed` whenever an rpmsg service may have come back: a channel was announced or a driver
 * left it (the kernel's messages), or a node appeared in `dev` or was made open to others. Where
 * neither can be watched it says nothing: the caller looks by itself now and then in any case.
 */
export function watchRpmsg(changed: () => void, dev = '/dev'): Watch {
  const watches: Watch[] = [];
  const begin = (watch: () => Watch): void => {
    try {
      watches.push(watch());
    } catch {
      // A container, or no watch is left: the other one may do.
    }
  };
  begin(
    () =>
      new Uevents(({ subsystem, action }) => {
        if (subsystem === 'rpmsg' && action !== 'remove') changed();
      }),
  );
  begin(
    () =>
      new FolderWatch(dev, (name) => {
        if (/^rpmsg/.test(name)) changed();
      }),
  );
  return {
    close: () => {
      for (const watch of watches.splice(0)) watch.close();
    },
  };
}
