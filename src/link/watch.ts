import { basename, dirname } from 'node:path';
import { FolderWatch } from '../linux/folder-watch.js';
import { systemPlaces } from './rpmsg/places.js';
import { type Watch, watchRpmsg } from './rpmsg/watch-rpmsg.js';
import { parseLinkUrl } from './url.js';

export type { Watch };

/**
 * Calls `returned` whenever what a link needs may have come back, so that whoever waits to open it again
 * need not wait longer: an rpmsg service under whatever number, or a message socket. Undefined for
 * other kinds, and where nothing can be watched: a slow look has to stand behind it in any case.
 * Throws as parseLinkUrl.
 */
export function watchReturn(url: string, returned: () => void, dev = systemPlaces.dev): Watch | undefined {
  const parsed = parseLinkUrl(url);
  switch (parsed.kind) {
    case 'rpmsg':
    case 'rpmsg-service':
      return watchRpmsg(returned, dev);
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
