// Makes the guest of the kernel tier from Debian's packages: a stock kernel, the stock drivers that Debian leaves
// out of it, and what the tests add. Takes half a minute and 220 MB of downloads the first time, and no time
// while neither the kernel nor the sources here change.
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { extractVmlinux, makeInitramfs } from './boot-files.mjs';
import { addPrepared, cacheFolder, findPrepared, fingerprint } from './cache.mjs';
import { buildModules, imagePatterns, installModules, SOURCE_PATTERNS } from './modules.mjs';
import { CannotPrepare, checkNeeds } from './needs.mjs';
import { candidate, download, kernelPackages, USERLAND, unpack } from './packages.mjs';
import { buildPrograms } from './programs.mjs';

export { CannotPrepare };

const kernelTier = fileURLToPath(new URL('..', import.meta.url));
const within = (name) => join(kernelTier, name);

/** Returns the folder of the guest, which holds guest.json; throws {@link CannotPrepare} with what to do. */
export function prepareGuest() {
  checkNeeds();
  const cache = cacheFolder();
  const sources = fingerprint(['prepare', 'modules', 'programs', 'guest/init'].map(within));
  // Where apt has no lists, a guest that was made before serves.
  const offline = candidate('linux-image-amd64') === undefined;
  const version = offline ? undefined : kernelPackages().version;
  const found = findPrepared(cache, { version, sources });
  if (found !== undefined) return found;
  const kernel = kernelPackages();
  console.error(`Preparing the guest of the kernel tier: Linux ${kernel.release} (half a minute, once)...`);
  const key = { version: kernel.version, sources };
  return addPrepared(cache, key, (folder, target) => makeGuest(kernel, folder, target));
}

function makeGuest(kernel, folder, target) {
  const scratch = join(folder, 'scratch');
  const unpacked = join(scratch, 'unpacked');
  const root = join(folder, 'root');
  mkdirSync(root, { recursive: true });
  // The folder was made for its owner alone; a guest's user reads it as part of the root file system.
  for (const path of [folder, root]) chmodSync(path, 0o755);

  const { release } = kernel;
  const names = [kernel.image, kernel.source, ...kernel.build, ...USERLAND];
  const files = download(names, join(scratch, 'packages'));
  unpack(files[kernel.image], unpacked, imagePatterns(release));
  unpack(files[kernel.source], unpacked, SOURCE_PATTERNS);
  for (const name of kernel.build) unpack(files[name], unpacked);
  unpack(files['busybox-static'], join(scratch, 'busybox'));
  for (const name of USERLAND.slice(0, 2)) unpack(files[name], root);

  const work = join(scratch, 'modules');
  const built = buildModules({ own: within('modules'), unpacked, work, kernel });
  installModules({ unpacked, built, root, release });
  buildPrograms({ sources: within('programs'), root });

  extractVmlinux(join(unpacked, 'boot', `vmlinuz-${release}`), join(folder, 'vmlinux'));
  makeInitramfs({
    busybox: join(scratch, 'busybox/bin/busybox'),
    init: within('guest/init'),
    root,
    release,
    work: join(scratch, 'initramfs'),
    target: join(folder, 'initramfs'),
  });
  rmSync(scratch, { recursive: true, force: true });
  const guest = { release, ...paths(target) };
  writeFileSync(join(folder, 'guest.json'), `${JSON.stringify(guest, null, 2)}\n`);
}

function paths(target) {
  return {
    vmlinux: join(target, 'vmlinux'),
    initramfs: join(target, 'initramfs'),
    root: join(target, 'root'),
  };
}
