import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { processIdentity } from './process-identity.js';

it('tells processes apart, and whether they live', async () => {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  await once(child, 'spawn');
  const identity = processIdentity(child.pid!);
  expect(identity).toMatch(/^[0-9]+$/);
  expect(processIdentity(child.pid!)).toBe(identity);
  expect(processIdentity(process.pid)).not.toBe(identity);
  child.stdin!.end();
  await once(child, 'exit');
  expect(processIdentity(child.pid!)).toBeUndefined();
});
