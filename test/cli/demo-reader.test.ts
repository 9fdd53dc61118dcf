import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { built, MAIN } from '../support/built.js';

beforeAll(built, 60_000);

describe('the demo, when its reader has seen enough', () => {
  it.each([
    ['behind the guide', /\n/],
    ['before it said anything', undefined],
  ])(
    'ends quietly with all its processes: %s',
    async (_when, enough) => {
      // Where it makes its files, so that what it leaves can be seen.
      const directory = mkdtempSync(join(tmpdir(), 'gb-demo-'));
      const demo = spawn(process.execPath, [MAIN, 'demo'], {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, TMPDIR: directory },
      });
      let stderr = '';
      // Its processes share it: closed when the last of them has ended.
      demo.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
      const ended = new Promise((resolve) => demo.on('close', (code, signal) => resolve(code ?? signal)));
      if (enough === undefined) demo.stdout.destroy();
      else
        demo.stdout.setEncoding('utf8').on('data', (text) => {
          if (enough.test(text)) demo.stdout.destroy();
        });
      expect({ ended: await ended, stderr }).toEqual({ ended: 0, stderr: '' });
      expect(readdirSync(directory)).toEqual([]);
      rmSync(directory, { recursive: true });
    },
    60_000,
  );
});
