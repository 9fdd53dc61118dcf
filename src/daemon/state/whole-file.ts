import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { makeDirectory } from '../../base/make-directory.js';

/** What a write that was cut short leaves behind; names of ours never begin so. */
export const UNFINISHED = /^\..*\.new$/;

/** Of files that are nobody else's business. */
const MODE = 0o600;

/**
 * Writes a file so that whatever happens, a power failure too, it afterwards holds all of the old
 * or all of the new content: a file beside it, written out to the disk, takes its name, and then
 * the folder is written out.
 */
export async function writeWhole(path: string, content: string): Promise<void> {
  const folder = dirname(path);
  const unfinished = join(folder, `.${basename(path)}.new`);
  try {
    const file = await open(unfinished, 'w', MODE);
    try {
      // Whatever the umask, and whoever made the file: the next daemon has to read it.
      await file.chmod(MODE);
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(unfinished, path);
  } catch (thrown) {
    await rm(unfinished, { force: true }).catch(() => {});
    throw thrown;
  }
  await syncFolder(folder);
}

/** Removes a file for good; one that is not there is removed already. */
export async function removeWhole(path: string): Promise<void> {
  await rm(path, { force: true });
  await syncFolder(dirname(path));
}

/** As {@link makeDirectory}, so that none of those made is gone after a power failure. */
export async function makeFolder(path: string, what: string, mode: number): Promise<void> {
  for (const made of makeDirectory(path, what, mode)) await syncFolder(dirname(made));
}

/** Without this a name may be another one again after a power failure. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
