import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { openFailed, portForbidden } from './tty-error.js';

const folder = mkdtempSync(join(tmpdir(), 'gpiobridge-port-'));
const path = join(folder, 'port');
writeFileSync(path, '');

afterEach(() => chmodSync(path, 0o660));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a port without permission', () => {
  it.skipIf(process.getuid?.() !== 0)('says which group may, and how to join it', () => {
    const gid = Number(execFileSync('getent', ['group', 'dialout'], { encoding: 'utf8' }).split(':')[2]);
    chownSync(path, 0, gid);
    chmodSync(path, 0o660);
    const error = portForbidden('serial:port', path);
    expect(error.name).toBe('PERMISSION_DENIED');
    expect(error.message).toContain('group dialout may: sudo usermod -aG dialout $USER, then log in again');
  });

  it('says whose it is where a group is of no help', () => {
    chmodSync(path, 0o600);
    expect(portForbidden('serial:port', path).message).toMatch(/belongs to uid \d+, group \S+, mode 0600/);
  });
});

describe('what the kernel says', () => {
  it.each([
    ['EBUSY', 'BUSY', /in use/],
    ['ENXIO', 'IO_ERROR', /no device answers/],
    ['ENOENT', 'IO_ERROR', /does not exist/],
    ['EINVAL', 'IO_ERROR', /cannot be opened: odd/],
  ])('%s becomes %s', (code, name, message) => {
    const error = openFailed('serial:port', path, Object.assign(new Error('odd'), { code }));
    expect(error).toMatchObject({ name, message: expect.stringMatching(message) });
  });
});
