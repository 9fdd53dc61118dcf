// What the kernel tier needs of the machine, and how to get it.
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Programs and files that must be there, each with the Debian package that brings it. */
const NEEDS = [
  { program: 'qemu-system-x86_64', from: 'qemu-system-x86' },
  { program: 'gcc-12', from: 'gcc-12' },
  { program: 'make', from: 'make' },
  { program: 'cpio', from: 'cpio' },
  { program: 'depmod', from: 'kmod' },
  { program: 'xz', from: 'xz-utils' },
  { program: 'tar', from: 'tar' },
  { program: 'strip', from: 'binutils' },
  { file: '/usr/lib/x86_64-linux-gnu/libc.a', from: 'libc6-dev' },
  { file: '/usr/lib/x86_64-linux-gnu/libelf.so.1', from: 'libelf1' },
];

/** Beyond PATH: where a user's shell may not look, and Debian puts some of them. */
const SYSTEM_FOLDERS = ['/usr/sbin', '/sbin'];

/** An error whose message is all that a user needs to see. */
export class CannotPrepare extends Error {}

/** Throws a {@link CannotPrepare} that names every missing package, and the command that installs them. */
export function checkNeeds() {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new CannotPrepare(
      `the kernel tier runs on Linux on x86-64; this is ${process.platform} on ${process.arch}`,
    );
  if (findProgram('apt-get') === undefined || findProgram('dpkg-deb') === undefined)
    throw new CannotPrepare(
      'the kernel tier takes its kernel from Debian packages and needs apt-get and dpkg-deb: run it on Debian 12',
    );
  const missing = NEEDS.filter(({ program, file }) =>
    program === undefined ? !existsSync(file) : findProgram(program) === undefined,
  );
  if (missing.length === 0) return;
  const what = missing.map(({ program, file }) => program ?? file).join(', ');
  const packages = [...new Set(missing.map(({ from }) => from))].join(' ');
  throw new CannotPrepare(
    `not found: ${what}\ninstall with:  apt-get install --no-install-recommends ${packages}`,
  );
}

/** The path of a program, or undefined. */
export function findProgram(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...SYSTEM_FOLDERS];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}
