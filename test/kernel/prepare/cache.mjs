// Where prepared guests are kept: one folder for each kernel and state of the sources here, whole or not at all.
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';

const KEPT = 3;
const ABANDONED_MS = 3_600_000;
const MANIFEST = 'guest.json';

/** GPIOBRIDGE_KERNEL_CACHE, or a folder in the user's cache; outside the clone, as it takes a while to make. */
export function cacheFolder() {
  const chosen = process.env.GPIOBRIDGE_KERNEL_CACHE;
  const folder =
    chosen ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'gpiobridge', 'kernel');
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** A short name for the contents of files and of folders of files. */
export function fingerprint(places) {
  const hash = createHash('sha256');
  const add = (path) =>
    hash
      .update(`${basename(path)}\0`)
      .update(readFileSync(path))
      .update('\0');
  for (const place of places) {
    if (statSync(place).isFile()) add(place);
    else for (const name of readdirSync(place).sort()) add(join(place, name));
  }
  return hash.digest('hex').slice(0, 12);
}

/** The folder of a prepared guest, or undefined; the newest one whose name ends so when the kernel is not known. */
export function findPrepared(cache, { version, sources }) {
  const ready = prepared(cache).filter((path) =>
    version === undefined ? path.endsWith(`-${sources}`) : path.endsWith(`/${keyOf({ version, sources })}`),
  );
  const [found] = ready;
  if (found !== undefined) utimesSync(found, new Date(), new Date());
  return found;
}

/**
 * Makes a guest by `make(folder)` and puts it in its place in one step, so that a run that was killed leaves nothing
 * that looks whole. Of two runs at the same time one gets there first, and both use that.
 */
export function addPrepared(cache, key, make) {
  removeAbandoned(cache);
  const building = mkdtempSync(join(cache, 'building-'));
  const target = join(cache, keyOf(key));
  try {
    make(building, target);
    try {
      renameSync(building, target);
    } catch (error) {
      if (!existsSync(join(target, MANIFEST))) throw error;
    }
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
  for (const old of prepared(cache).slice(KEPT)) rmSync(old, { recursive: true, force: true });
  return target;
}

const keyOf = ({ version, sources }) => `${version.replace(/[^\w.+~-]/g, '_')}-${sources}`;

/** Whole guests, the one used last first. */
function prepared(cache) {
  return readdirSync(cache)
    .map((name) => join(cache, name))
    .filter((path) => !path.includes('/building-') && existsSync(join(path, MANIFEST)))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
}

function removeAbandoned(cache) {
  for (const name of readdirSync(cache).filter((one) => one.startsWith('building-'))) {
    const path = join(cache, name);
    if (Date.now() - statSync(path).mtimeMs > ABANDONED_MS) rmSync(path, { recursive: true, force: true });
  }
}
