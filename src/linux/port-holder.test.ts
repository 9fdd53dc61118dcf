import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { describeHolders, portHolders } from './port-holder.js';
import { tryLock } from './tty.js';

const folder = mkdtempSync(join(tmpdir(), 'gpiobridge-holder-'));
const path = join(folder, 'port');
writeFileSync(path, '');

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('who has a port open', () => {
  it('is found by its descriptors, also through a link, and not this process', () => {
    const fd = openSync(path, 'r');
    expect(portHolders(path)).toEqual([]);
    expect(describeHolders(path)).toBeUndefined();
    const holder = spawn('sleep', ['60'], { stdio: [fd, 'ignore', 'ignore'] });
    try {
      const link = join(folder, 'link');
      symlinkSync(path, link);
      // Its lock shows it as well, to users who may not look at its descriptors.
      expect(tryLock(fd)).toBe(true);
      expect(portHolders(link)).toContainEqual({ pid: holder.pid, command: 'sleep' });
      expect(describeHolders(path)).toBe(`pid ${holder.pid} (sleep)`);
    } finally {
      holder.kill();
      closeSync(fd);
    }
  });

  it('is nobody for what is not there', () => {
    expect(portHolders('/nonexistent/tty')).toEqual([]);
  });
});
