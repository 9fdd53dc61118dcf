import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeFolder } from './whole-file.js';

it('a folder is made with those above it, and made again is left alone', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'gb-'));
  try {
    await makeFolder(join(dir, 'a/b/c'), 'state directory', 0o700);
    await makeFolder(join(dir, 'a/b/c'), 'state directory', 0o700);
    for (const path of ['a', 'a/b', 'a/b/c']) expect(statSync(join(dir, path)).mode & 0o777).toBe(0o700);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
