import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { whyNotReadable } from './file-errors.js';

/** What reading this really throws. */
const why = (path: string) => {
  try {
    readFileSync(path);
  } catch (thrown) {
    return whyNotReadable(thrown);
  }
  return 'read';
};

describe('why a file cannot be read', () => {
  it('is told in words, with what to do', () => {
    expect(why('/nowhere')).toBe('there is no such file: make it, or give another');
    expect(why(tmpdir())).toBe('it is a directory: give a file');
    expect(why('/etc/passwd/x')).toMatch(/not a directory: give another/);
  });
});
