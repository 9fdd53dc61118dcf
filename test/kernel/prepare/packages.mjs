// Debian's packages: which make up the kernel, and what is taken out of them. Nothing is installed.
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CannotPrepare } from './needs.mjs';
import { tool } from './tool.mjs';

/** Names the packages of the kernel that `linux-image-amd64` stands for here, in the version that apt would install. */
export function kernelPackages() {
  const image = dependency('linux-image-amd64', /^linux-image-\d/);
  const release = image.slice('linux-image-'.length);
  const series = /^\d+\.\d+/.exec(release)[0];
  if (series !== '6.1')
    throw new CannotPrepare(
      `apt offers the kernel ${release}; the kernel tier is written for 6.1, that of Debian 12 (bookworm)`,
    );
  const headers = `linux-headers-${release}`;
  const build = dependencies(headers).filter((name) => /^linux-(headers|kbuild|compiler)-/.test(name));
  const source = `linux-source-${series}`;
  return { release, series, image, headers, source, build: [headers, ...build], version: candidate(image) };
}

/** Debian's GPIO tools for the guest, and the shell of its first seconds. */
export const USERLAND = ['gpiod', 'libgpiod2', 'busybox-static'];

/** Downloads packages into a folder; returns the path of each. */
export function download(names, folder) {
  mkdirSync(folder, { recursive: true });
  // As the user who runs this: the sandbox user may not write here.
  tool('apt-get', ['-q', '-o', 'APT::Sandbox::User=root', 'download', ...names], { cwd: folder });
  const files = readdirSync(folder);
  return Object.fromEntries(
    names.map((name) => {
      const file = files.find((one) => one.startsWith(`${name}_`));
      if (file === undefined) throw new CannotPrepare(`apt-get did not download ${name}`);
      return [name, join(folder, file)];
    }),
  );
}

/** Unpacks a package, or only what the patterns name. */
export function unpack(file, folder, patterns = []) {
  mkdirSync(folder, { recursive: true });
  if (patterns.length === 0) {
    tool('dpkg-deb', ['-x', file, folder]);
    return;
  }
  const taken = patterns.map((pattern) => `'${pattern}'`).join(' ');
  tool('sh', ['-c', `dpkg-deb --fsys-tarfile "$0" | tar -x -C "$1" --wildcards ${taken}`, file, folder]);
}

/** The version that apt would install, or undefined where apt knows none (its lists may not be there). */
export function candidate(name) {
  const found = /Candidate: (\S+)/.exec(tool('apt-cache', ['policy', name]))?.[1];
  return found === '(none)' ? undefined : found;
}

function dependencies(name) {
  const shown = tool('apt-cache', ['depends', name]);
  return [...shown.matchAll(/^ +Depends: (\S+)$/gm)].map((match) => match[1]);
}

function dependency(name, pattern) {
  if (candidate(name) === undefined)
    throw new CannotPrepare(`apt knows no package ${name}; bring its lists up to date with:  apt-get update`);
  const found = dependencies(name).find((one) => pattern.test(one));
  if (found === undefined) throw new CannotPrepare(`the package ${name} depends on no kernel image`);
  return found;
}
