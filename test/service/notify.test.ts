import { writeFileSync } from 'node:fs';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { NotifySocket } from '../../src/linux/notify-socket.js';
import { built } from '../support/built.js';
import type { Program } from '../support/program.js';
import { usePrograms } from '../support/use-programs.js';
import { NotifyListener } from './notify-listener.js';

/** The daemon as a service, with a real datagram socket in the service manager's place. */

const room = usePrograms();
const listeners: NotifyListener[] = [];

beforeAll(() => built());

afterEach(async () => {
  for (const listener of listeners.splice(0)) listener.stop();
});

function listen(address: string): Promise<NotifyListener> {
  const listener = new NotifyListener(address);
  listeners.push(listener);
  return listener.listening();
}

async function sim(name: string): Promise<Program> {
  const program = room.start(['sim', '--listen', `unix:${room.join(name)}`]);
  await program.waitFor(/listening on/);
  return program;
}

function config(...names: string[]): string {
  const file = room.join('gb.toml');
  const entries = names.map(
    (name) => `[[coprocessor]]\nname = "${name}"\nlink = "unix:${room.join(name)}"\n`,
  );
  // What is there has so long to answer before READY is told without it.
  writeFileSync(file, `[timeouts]\nfirst_try_ms = 30000\n${entries.join('')}`);
  return file;
}

function daemon(file: string, env: Record<string, string>): Program {
  return room.start(['daemon', '--runtime-dir', room.join('run'), '--config', file], env);
}

describe('NotifySocket', () => {
  it.each(['path', 'abstract'])('sends to a socket with an %s address', async (kind) => {
    const address = kind === 'path' ? room.join('notify') : `@gb-test-${process.pid}-${Date.now()}`;
    const listener = await listen(address);
    const socket = new NotifySocket(address);
    expect(socket.send('READY=1\nSTATUS=\u00fc')).toBe(true);
    await listener.message(/^READY=1\nSTATUS=\u00fc$/);
    expect(listener.senders).toEqual([process.pid]);
    socket.close();
  });

  it('says what is wrong with an address where nobody listens, or that is too long', () => {
    const socket = new NotifySocket(room.join('absent'));
    expect(() => socket.send('x')).toThrow(/ENOENT/);
    socket.close();
    expect(() => new NotifySocket(`/${'x'.repeat(200)}`)).toThrow(/ENAMETOOLONG/);
  });

  it('does not wait for a receiver that reads nothing', async () => {
    const listener = await listen(room.join('notify'));
    listener.process.kill('SIGSTOP');
    const socket = new NotifySocket(listener.address);
    let sent = 0;
    while (sent < 100_000 && socket.send('WATCHDOG=1')) sent++;
    expect(sent).toBeLessThan(100_000);
    socket.close();
  });
});

describe('the daemon as a service', () => {
  it('is READY when what is there has answered and what is absent was tried', async () => {
    await sim('hub');
    const listener = await listen(room.join('notify'));
    const served = daemon(config('hub', 'absent'), {
      NOTIFY_SOCKET: listener.address,
      WATCHDOG_USEC: '400000',
    });
    const ready = await listener.message(/^READY=1/);
    expect(ready).toMatch(/^READY=1\nSTATUS=1 of 2 coprocessors up, 1 chip, absent: \S/);
    expect(new Set(listener.senders)).toEqual(new Set([served.process.pid]));
    await sim('absent');
    await listener.message(/^STATUS=2 of 2 coprocessors up, 2 chips$/);
    const before = listener.messages.length;
    await listener.message(/^WATCHDOG=1$/, before);
    expect(listener.messages.filter((message) => message.startsWith('READY=1'))).toHaveLength(1);
    expect(await served.stop('SIGTERM')).toBe(0);
    await listener.message(/^STOPPING=1/);
    expect(listener.messages.at(-1)).toBe('STOPPING=1\nSTATUS=stopping');
  });

  it('brackets a reload, also one that is refused', async () => {
    await sim('hub');
    const listener = await listen(`@gb-daemon-${process.pid}-${Date.now()}`);
    const file = config('hub');
    const served = daemon(file, { NOTIFY_SOCKET: listener.address });
    await listener.message(/^READY=1/);
    for (const text of ['colour = 1\n', undefined]) {
      if (text === undefined) config('hub');
      else writeFileSync(file, text);
      const from = listener.messages.length;
      served.process.kill('SIGHUP');
      const start = await listener.message(/^RELOADING=1\nMONOTONIC_USEC=\d+$/, from);
      await listener.message(/^READY=1$/, listener.messages.indexOf(start, from) + 1);
    }
    await served.waitFor(/event=not_reloaded/);
    await served.waitFor(/event=reloaded/);
  });

  it('runs where the service manager cannot be reached', async () => {
    const served = daemon(config('absent'), { NOTIFY_SOCKET: room.join('nobody') });
    await served.waitFor(/event=service_manager_not_told .*ENOENT/);
    expect(await served.stop('SIGTERM')).toBe(0);
  });
});
