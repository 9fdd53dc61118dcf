import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeFolder, parentsOf } from './whole-file.js';

it('a folder is made with those above it, each of which is written out', async () => {
  expect(parentsOf('/var/lib', '/var/lib/gb/chips')).toEqual(['/var/lib/gb', '/var/lib', '/var']);
  expect(parentsOf('/var/lib', '/var/lib')).toEqual(['/var']);
  expect(parentsOf('/gb', '/gb/chips')).toEqual(['/gb', '/']);
  const dir = mkdtempSync(join(tmpdir(), 'gb-'));
  try {
    await makeFolder(join(dir, 'a/b/c'), 0o700);
    await makeFolder(join(dir, 'a/b/c'), 0o700);
    expect(statSync(join(dir, 'a/b/c')).mode & 0o777).toBe(0o700);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
