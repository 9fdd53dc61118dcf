import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeDirectory, removeMade } from './make-directory.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'gb-make-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const make = (path: string) => makeDirectory(path, 'runtime directory', 0o700);

describe('making a directory', () => {
  it('makes those above it, and tells which', () => {
    expect(make(join(dir, 'a/b'))).toEqual([join(dir, 'a'), join(dir, 'a/b')]);
    expect(statSync(join(dir, 'a/b')).mode & 0o777).toBe(0o700);
    expect(make(join(dir, 'a/b'))).toEqual([]);
  });

  it('comes to an end where no directory can be made', () => {
    expect(() => make('/proc/foo/bar')).toThrow(
      "runtime directory '/proc/foo/bar' cannot be made: '/proc' takes no directories: choose another",
    );
  });

  it('says what is in the way', () => {
    writeFileSync(join(dir, 'file'), '');
    for (const path of ['file', 'file/below', 'file/far/below'])
      expect(() => make(join(dir, path))).toThrow(
        `cannot be made: '${join(dir, 'file')}' is not a directory`,
      );
  });

  it('is undone as far as nothing was put in', () => {
    const made = make(join(dir, 'a/b/c'));
    mkdirSync(join(dir, 'a/other'));
    removeMade(made);
    expect(existsSync(join(dir, 'a/b'))).toBe(false);
    expect(existsSync(join(dir, 'a/other'))).toBe(true);
  });
});
