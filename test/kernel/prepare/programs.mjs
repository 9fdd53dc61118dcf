// Small C programs for the guest, linked statically: each file of test/kernel/programs becomes a command.
import { mkdirSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { tool } from './tool.mjs';

export function buildPrograms({ sources, root }) {
  const target = join(root, 'usr/local/bin');
  mkdirSync(target, { recursive: true });
  for (const file of readdirSync(sources).filter((name) => name.endsWith('.c'))) {
    const options = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror', '-static'];
    tool('gcc-12', [...options, '-o', join(target, basename(file, '.c')), join(sources, file)]);
  }
}
