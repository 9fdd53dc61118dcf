import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { peerCredentials, peerUser } from './peer-credentials.js';

it('tells who is at the other end of a Unix socket', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gpiobridge-peer-'));
  const path = join(folder, 's');
  const server = createServer().listen(path);
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const client = connect({ path });
  const socket = await accepted;
  const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
  expect(peerCredentials(fd)).toEqual({
    pid: process.pid,
    uid: process.getuid?.(),
    gid: process.getgid?.(),
  });
  expect(() => peerCredentials(-1)).toThrow(expect.objectContaining({ code: 'EBADF' }));
  expect(peerUser(socket)).toBe(process.getuid?.());
  client.destroy();
  socket.destroy();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});
