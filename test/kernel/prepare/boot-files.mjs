// What QEMU boots: the kernel as an ELF file, which starts in half the time of the compressed image, and an
// initramfs with busybox and the modules that bring the root file system.
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { CannotPrepare } from './needs.mjs';
import { tool, toolInto } from './tool.mjs';

/** Modules of the initramfs in the order in which they are loaded; virtio_reshape before virtio_pci. */
const EARLY = [
  ...['virtio_ring', 'virtio', 'virtio_reshape'],
  ...['virtio_pci_modern_dev', 'virtio_pci_legacy_dev', 'virtio_pci', 'virtio_console'],
  ...['9pnet', '9pnet_virtio', 'netfs', 'fscache', '9p', 'overlay'],
];

/**
 * Takes the ELF file out of a bzImage: Documentation/arch/x86/boot.rst, fields setup_sects (0x1f1), payload_offset
 * (0x248) and payload_length (0x24c).
 */
export function extractVmlinux(bzImage, target) {
  const image = readFileSync(bzImage);
  if (image.toString('latin1', 0x202, 0x206) !== 'HdrS')
    throw new CannotPrepare(`${bzImage} is no x86 kernel`);
  const start = (image[0x1f1] + 1) * 512 + image.readUInt32LE(0x248);
  const payload = image.subarray(start, start + image.readUInt32LE(0x24c));
  // Debian 12 compresses with xz. The size of the kernel stands behind the stream.
  toolInto(target, 'xz', ['-dc', '--single-stream'], { input: payload });
  const magic = readFileSync(target).toString('latin1', 1, 4);
  if (magic !== 'ELF') throw new CannotPrepare(`${bzImage} does not hold an ELF file that xz can unpack`);
}

/** Writes the initramfs: /init, busybox, and the early modules in a folder, numbered in their order. */
export function makeInitramfs({ busybox, init, root, release, work, target }) {
  for (const folder of ['bin', 'modules', 'proc', 'sys', 'dev', 'host', 'guest', 'memory', 'root'])
    mkdirSync(join(work, folder), { recursive: true });
  copyFileSync(busybox, join(work, 'bin/busybox'));
  writeFileSync(join(work, 'init'), readFileSync(init));
  chmodSync(join(work, 'init'), 0o755);
  const modules = join(root, 'usr/lib/modules', release);
  const paths = readdirSync(modules, { recursive: true }).filter((name) => name.endsWith('.ko'));
  EARLY.forEach((name, index) => {
    const path = paths.find((one) => basename(one) === `${name}.ko`);
    if (path === undefined) throw new CannotPrepare(`the kernel package has no module ${name}`);
    const numbered = `${String(index).padStart(2, '0')}-${name}.ko`;
    copyFileSync(join(modules, path), join(work, 'modules', numbered));
  });
  const files = tool('find', ['.'], { cwd: work });
  toolInto(target, 'cpio', ['-o', '-H', 'newc', '--quiet', '-R', '0:0'], { cwd: work, input: files });
}
