import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkPrivateDirectory } from './private-directory.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'gb-private-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const check =
  (path = dir, uid?: number) =>
  () =>
    checkPrivateDirectory(path, 'runtime directory', uid);

describe('checkPrivateDirectory', () => {
  it.each([0o700, 0o755, 0o711])('takes mode %o', (mode) => {
    chmodSync(dir, mode);
    expect(check()).not.toThrow();
  });

  it.each([0o777, 0o1777, 0o775, 0o757])('refuses mode %o, and says what to do', (mode) => {
    chmodSync(dir, mode);
    expect(check()).toThrow(new RegExp(`runtime directory '${dir}' has mode .*: .*'chmod go-w ${dir}'`));
  });

  it("refuses another user's, and what is none", () => {
    // 4 billion and some: nobody's number.
    if (process.geteuid?.() !== 0) expect(check(dir, 4_000_000_000)).toThrow(/belongs to user/);
    const file = join(dir, 'file');
    writeFileSync(file, '');
    expect(check(file)).toThrow(/is not a directory/);
    expect(check(join(dir, 'absent'))).toThrow(/cannot be used: ENOENT/);
  });
});
