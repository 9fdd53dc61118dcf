import { basename, dirname } from 'node:path';
import { FolderWatch } from '../linux/folder-watch.js';
import { type RpmsgPlaces, systemPlaces, type Watch } from './rpmsg/places.js';
import { watchRpmsg } from './rpmsg/watch-rpmsg.js';
import { parseLinkUrl } from './url.js';

export type { Watch };

/**
 * Calls `returned` whenever what a link needs may have come back, so that whoever waits to open it again
 * need not wait longer: an rpmsg service under whatever number, or a message socket. Undefined for
 * other kinds, and where nothing can be watched: a slow look has to stand behind it in any case.
 * Throws as parseLinkUrl.
 */
export function watchReturn(
  url: string,
  returned: () => void,
  places: RpmsgPlaces = systemPlaces,
): Watch | undefined {
  const parsed = parseLinkUrl(url);
  switch (parsed.kind) {
    case 'rpmsg':
    case 'rpmsg-service':
      return watchRpmsg(returned, places);
    case 'seqpacket':
      return watchFile(parsed.path, returned);
    default:
      return undefined;
  }
}

function watchFile(path: string, appeared: () => void): Watch | undefined {
  const name = basename(path);
  try {
    return new FolderWatch(dirname(path), (file) => {
      if (file === name) appeared();
    });
  } catch {
    return undefined;
  }
}
