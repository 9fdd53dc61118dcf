import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const MODULE = '../../scripts/lib/dependencies.mjs';
const { dependencyDrift } = (await import(MODULE)) as { dependencyDrift(root: string): string | undefined };

const entry = (version: string, more: object = {}) => ({ version, integrity: `sha512-${version}`, ...more });

describe('dependencyDrift', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'gpiobridge-deps-'));
    mkdirSync(join(root, 'node_modules'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const write = (path: string, packages: object) =>
    writeFileSync(join(root, path), JSON.stringify({ packages }));
  const wanted = (packages: object) => write('package-lock.json', { '': {}, ...packages });
  const installed = (packages: object) => write('node_modules/.package-lock.json', packages);

  it('is satisfied by what the lock file says', () => {
    wanted({ 'node_modules/a': entry('1.0.0') });
    installed({ 'node_modules/a': entry('1.0.0') });
    expect(dependencyDrift(root)).toBeUndefined();
  });

  it('does without packages for other platforms', () => {
    wanted({ 'node_modules/a': entry('1.0.0'), 'node_modules/win': entry('1.0.0', { optional: true }) });
    installed({ 'node_modules/a': entry('1.0.0') });
    expect(dependencyDrift(root)).toBeUndefined();
  });

  it('sees a clean clone', () => {
    wanted({});
    expect(dependencyDrift(root)).toBe('nothing is installed');
  });

  it.each([
    ['a missing package', {}, 'node_modules/a is missing'],
    ['another version', { 'node_modules/a': entry('0.9.0') }, 'node_modules/a is 0.9.0, not 1.0.0'],
    [
      'other contents',
      { 'node_modules/a': { version: '1.0.0', integrity: 'sha512-x' } },
      'node_modules/a has other contents',
    ],
    [
      'a package too many',
      { 'node_modules/a': entry('1.0.0'), 'node_modules/b': entry('2.0.0') },
      'node_modules/b is not in package-lock.json',
    ],
  ])('sees %s', (_what, packages, drift) => {
    wanted({ 'node_modules/a': entry('1.0.0') });
    installed(packages);
    expect(dependencyDrift(root)).toBe(drift);
  });
});
