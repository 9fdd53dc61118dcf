import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { UsageError } from '../errors.js';
import type { ServiceFile } from './service-files.js';

/** What is, or shall be, at a path: text of a file, the target of a link, nothing. */
export type Content = ServiceFile['content'] | undefined;

/** One path that becomes another. */
export interface FileChange {
  /** Where it is on this machine, below `--root`. */
  readonly path: string;
  readonly before: Content;
  readonly after: Content;
}

/** Whatever the umask: the daemon has to read its configuration. */
const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;

/**
 * What has to change so that the files are there (or, `wanted` false, are not). Throws where a path
 * is something else than what this program would have made there, and where it leads out of `root`.
 */
export function changesFor(files: readonly ServiceFile[], root: string, wanted: boolean): FileChange[] {
  return files.flatMap((file) => {
    const path = join(root, file.path);
    refuseWayOut(path, root);
    const before = contentAt(path, 'linkTo' in file.content);
    const after = wanted ? file.content : undefined;
    if (file.theirs && (!wanted || before !== undefined)) return [];
    return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ path, before, after }];
  });
}

function contentAt(path: string, linkWanted: boolean): Content {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  if (linkWanted && stats.isSymbolicLink()) return { linkTo: readlinkSync(path) };
  if (!linkWanted && stats.isFile()) return { text: readFileSync(path, 'utf8') };
  // A link to /dev/null is a unit that was masked on purpose.
  const what = stats.isSymbolicLink() ? `a link to ${readlinkSync(path)}` : 'not what was expected there';
  throw new UsageError(`${path} is ${what}: remove it first, if that is what you want`);
}

/** An image's own absolute links must not lead to this machine's files. */
function refuseWayOut(path: string, root: string): void {
  let folder = dirname(path);
  while (!existsSync(folder)) folder = dirname(folder);
  const real = realpathSync(folder);
  const realRoot = realpathSync(root);
  if (real === realRoot || realRoot === '/' || real.startsWith(`${realRoot}/`)) return;
  throw new UsageError(`${folder} leads out of ${root}, to ${real}`);
}

/** Changes that were made, and can be taken back. */
export class AppliedChanges {
  readonly #undo: (() => void)[] = [];

  /**
   * Makes all changes or none: everything new is written beside its place first, then takes its
   * place by rename(2). Throws the first error, after having taken back what was done.
   */
  static apply(changes: readonly FileChange[]): AppliedChanges {
    const applied = new AppliedChanges();
    try {
      const staged = changes.map((change) => ({ ...change, beside: applied.#stage(change) }));
      for (const change of staged) applied.#put(change);
      for (const folder of new Set(changes.map(({ path }) => dirname(path)))) syncFolder(folder);
    } catch (thrown) {
      applied.undo();
      throw thrown;
    }
    return applied;
  }

  /** Takes everything back, last things first; what cannot be is left, so that the rest still is. */
  undo(): void {
    for (const step of this.#undo.splice(0).reverse()) {
      try {
        step();
      } catch {
        // The error that led here is the one to tell of.
      }
    }
  }

  #stage({ path, after }: FileChange): string | undefined {
    if (after === undefined) return undefined;
    this.#makeFolder(dirname(path));
    const beside = besideName(path);
    this.#undo.push(() => rmSync(beside, { force: true }));
    writeNew(beside, after);
    return beside;
  }

  #put({ path, before, beside }: FileChange & { readonly beside: string | undefined }): void {
    // Before the step: should it fail halfway, taking it back does no harm.
    this.#undo.push(() => restore(path, before));
    if (beside === undefined) rmSync(path, { force: true });
    else renameSync(beside, path);
  }

  #makeFolder(folder: string): void {
    if (existsSync(folder)) return;
    this.#makeFolder(dirname(folder));
    mkdirSync(folder);
    chmodSync(folder, FOLDER_MODE);
    this.#undo.push(() => rmdirSync(folder));
  }
}

function restore(path: string, content: Content): void {
  if (content === undefined) {
    rmSync(path, { force: true });
    return;
  }
  const beside = besideName(path);
  writeNew(beside, content);
  renameSync(beside, path);
}

/** In the same folder, with a name that udev, systemd and sysusers do not read. */
function besideName(path: string): string {
  return `${path}.${randomBytes(4).toString('hex')}.new`;
}

function writeNew(path: string, content: NonNullable<Content>): void {
  if ('linkTo' in content) symlinkSync(content.linkTo, path);
  else {
    writeFileSync(path, content.text, { flag: 'wx', flush: true });
    chmodSync(path, FILE_MODE);
  }
}

function syncFolder(folder: string): void {
  if (!existsSync(folder)) return;
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
