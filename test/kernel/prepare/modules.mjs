// The guest's kernel modules: Debian's own, and those built here of its sources and of test/kernel/modules.
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { tool } from './tool.mjs';

/** Stock modules that the guest needs, as patterns within the image package. */
const STOCK = [
  ...['virtio', 'virtio_ring', 'virtio_pci', 'virtio_pci_modern_dev', 'virtio_pci_legacy_dev'].map(
    (name) => `drivers/virtio/${name}`,
  ),
  'drivers/char/virtio_console',
  'net/9p/9pnet',
  'net/9p/9pnet_virtio',
  'fs/9p/9p',
  'fs/netfs/netfs',
  'fs/fscache/fscache',
  'fs/overlayfs/overlay',
  'fs/configfs/configfs',
];

/** Files of the kernel's source package that the modules are built of. */
const SOURCES = [
  'drivers/gpio/gpio-virtio.c',
  'drivers/gpio/gpio-sim.c',
  'drivers/gpio/gpiolib.h',
  'kernel/irq/irq_sim.c',
  'drivers/rpmsg/rpmsg_core.c',
  'drivers/rpmsg/rpmsg_char.c',
  'drivers/rpmsg/rpmsg_char.h',
  'drivers/rpmsg/rpmsg_ctrl.c',
  'drivers/rpmsg/rpmsg_ns.c',
  'drivers/rpmsg/virtio_rpmsg_bus.c',
  'drivers/rpmsg/rpmsg_internal.h',
];

/** What to take out of the image package. */
export function imagePatterns(release) {
  const modules = STOCK.map((name) => `./lib/modules/${release}/kernel/${name}.ko`);
  return [`./boot/vmlinuz-${release}`, ...modules, `./lib/modules/${release}/modules.*`];
}

/** What to take out of the source package: one archive. */
export const SOURCE_PATTERNS = ['./usr/src/linux-source-*.tar.xz'];

/** Builds the modules that Debian leaves out, in `work`, with the unpacked packages in `unpacked`. */
export function buildModules({ own, unpacked, work, kernel }) {
  const headers = join(unpacked, 'usr/src', kernel.headers);
  // It names its other half by the place where the package would be installed.
  const makefile = join(headers, 'Makefile');
  const moved = readFileSync(makefile, 'utf8').replace('include /usr/src', `include ${unpacked}/usr/src`);
  writeFileSync(makefile, moved);
  const archive = join(unpacked, 'usr/src', `${kernel.source}.tar.xz`);
  mkdirSync(work, { recursive: true });
  const members = SOURCES.map((name) => `${kernel.source}/${name}`);
  const flat = ['--transform', 's#.*/##'];
  // Each file is in it once, so the rest of the archive need not be unpacked after the last.
  tool('tar', ['-C', work, ...flat, '--occurrence=1', '-xJf', archive, ...members]);
  for (const name of readdirSync(own)) copyFileSync(join(own, name), join(work, name));
  const jobs = `-j${availableParallelism()}`;
  // No BTF: it would need the kernel with its symbols.
  tool('make', ['-s', jobs, '-C', headers, `M=${work}`, 'CONFIG_DEBUG_INFO_BTF_MODULES=', 'modules']);
  return readdirSync(work)
    .filter((name) => name.endsWith('.ko'))
    .map((name) => join(work, name));
}

/** Puts all modules into the guest's root as modprobe wants them. */
export function installModules({ unpacked, built, root, release }) {
  const stock = join(unpacked, 'lib/modules', release);
  const folder = join(root, 'usr/lib/modules', release);
  mkdirSync(join(folder, 'extra'), { recursive: true });
  cpSync(stock, folder, { recursive: true });
  for (const path of built) {
    const target = join(folder, 'extra', path.split('/').at(-1));
    copyFileSync(path, target);
    tool('strip', ['--strip-debug', target]);
  }
  tool('depmod', ['-b', join(root, 'usr'), release]);
}
