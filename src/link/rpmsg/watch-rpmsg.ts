import { FolderWatch } from '../../linux/folder-watch.js';
import type { Uevent } from '../../linux/uevents.js';
import type { RpmsgPlaces, Watch } from './places.js';

/**
 * Calls `changed` whenever an rpmsg service may have come back: a channel was announced or a driver
 * left it (the kernel's messages), or a node appeared in `dev` or was made open to others. Where
 * neither can be watched it says nothing: the caller looks by itself now and then in any case.
 */
export function watchRpmsg(
  changed: () => void,
  { dev, hearKernel }: Pick<RpmsgPlaces, 'dev' | 'hearKernel'>,
): Watch {
  const watches = [
    hearRpmsg(hearKernel, ({ action }) => {
      if (action !== 'remove') changed();
    }),
    attempt(
      () =>
        new FolderWatch(dev, (name) => {
          if (/^rpmsg/.test(name)) changed();
        }),
    ),
  ];
  return {
    close: () => {
      for (const watch of watches.splice(0)) watch?.close();
    },
  };
}

/** Hears what the kernel tells of rpmsg devices; undefined where nothing can be heard. */
export function hearRpmsg(
  hearKernel: RpmsgPlaces['hearKernel'],
  heard: (event: Uevent) => void,
): Watch | undefined {
  return attempt(() =>
    hearKernel((event) => {
      if (event.subsystem === 'rpmsg') heard(event);
    }),
  );
}

/** In a container, or when no watch is left, it is missing: another one may do. */
function attempt(watch: () => Watch): Watch | undefined {
  try {
    return watch();
  } catch {
    return undefined;
  }
}
