import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { connect, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listenAt, stopListening } from './socket.js';

let dir: string;
const servers: [Server, string][] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'gb-'));
  mkdirSync(join(dir, 'chips'));
});
afterEach(() => {
  for (const [server, path] of servers.splice(0)) stopListening(server, path);
  rmSync(dir, { recursive: true, force: true });
});

const modeOf = (path: string) => statSync(path).mode & 0o777;

async function listening(name: string, mode: number, accept: (socket: Socket) => void = () => {}) {
  const path = join(dir, 'chips', name);
  servers.push([await listenAt(path, dir, { mode }, accept), path]);
  return path;
}

describe('a listening socket', () => {
  it('has its mode and takes connections, and nothing else is left beside it', async () => {
    const accepted = new Promise<Socket>((resolve) => {
      void listening('door', 0o604, resolve);
    });
    await expect.poll(() => readdirSync(join(dir, 'chips'))).toEqual(['door']);
    expect(modeOf(join(dir, 'chips/door'))).toBe(0o604);
    const client = connect(join(dir, 'chips/door'));
    (await accepted).destroy();
    client.destroy();
    expect(readdirSync(dir)).toEqual(['chips']);
  });

  it('changes no mode of a file that is made at the same time', async () => {
    const modes = new Set<number>();
    for (let round = 0; round < 20; round++) {
      const made = Array.from({ length: 8 }, async (_, i) => {
        const path = join(dir, `file-${round}-${i}`);
        await (await open(path, 'w', 0o600)).close();
        modes.add(modeOf(path));
      });
      await Promise.all([...made, ...['a', 'b', 'c'].map((name) => listening(`${name}${round}`, 0o600))]);
    }
    expect([...modes]).toEqual([0o600]);
  });

  it('that cannot be made says so, and leaves nothing', async () => {
    await expect(listenAt(join(dir, 'no/door'), dir, { mode: 0o600 }, () => {})).rejects.toMatchObject({
      name: 'IO_ERROR',
      message: expect.stringContaining(`${dir}/no/door`),
    });
    await expect(
      listenAt(join(dir, 'door'), join(dir, 'no'), { mode: 0o600 }, () => {}),
    ).rejects.toMatchObject({ name: 'IO_ERROR' });
    expect(readdirSync(dir)).toEqual(['chips']);
  });
});
