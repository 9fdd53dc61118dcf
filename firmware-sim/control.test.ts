import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { askControl } from './control-client.js';
import { type ControlServer, serveControl } from './control-server.js';
import { SimulatedCoprocessor } from './coprocessor.js';

let directory: string;
let path: string;
let coprocessor: SimulatedCoprocessor;
let server: ControlServer;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'gpiobridge-sim-'));
  path = join(directory, 'control');
  coprocessor = new SimulatedCoprocessor({ lines: 4, controllers: 2, names: ['DOOR'] });
  server = await serveControl(path, coprocessor);
});
afterEach(async () => {
  await server.close();
  await coprocessor.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Sends these bytes and returns all that comes until the simulator ends the connection, or `lines` lines. */
function raw(text: string, lines: number): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let received = '';
    const done = () => {
      socket.destroy();
      resolve(received.split('\n').slice(0, -1));
    };
    socket.setEncoding('utf8').on('data', (piece: string) => {
      received += piece;
      if (received.split('\n').length > lines) done();
    });
    socket.on('end', done);
    socket.on('error', reject);
    socket.write(text);
  });
}

describe('the control socket', () => {
  it('reads and drives pins, by name or offset, of any controller', async () => {
    expect(await askControl(path, { command: 'pin', line: 'DOOR' })).toEqual({
      controller: 1,
      line: 0,
      name: 'DOOR',
      direction: 'none',
      level: 0,
    });
    expect(await askControl(path, { command: 'drive', line: 3, level: 1, controller: 2 })).toMatchObject({
      controller: 2,
      line: 3,
      level: 1,
    });
    expect(coprocessor.pin(3, 2).level).toBe(1);
    expect(coprocessor.pin(3, 1).level).toBe(0);
  });

  it('reboots, and tells the statistics', async () => {
    const before = coprocessor.bootId;
    const { boot_id, boots } = await askControl(path, { command: 'reboot' });
    expect([boot_id, boots]).toEqual([coprocessor.bootId, 2]);
    expect(boot_id).not.toBe(before);
    const stats = await askControl(path, { command: 'stats' });
    expect(stats).toMatchObject({ boot_id, boots: 2, total: { sensed: 0 } });
    expect(stats.lines).toHaveLength(8);
  });

  it.each([
    [{ command: 'pin', line: 'NOWHERE' }, 'NOT_FOUND', "no line 'NOWHERE'"],
    [{ command: 'pin', line: 4 }, 'NOT_FOUND', "no line '4'"],
    [{ command: 'pin', line: 0, controller: 3 }, 'NOT_FOUND', 'no controller 3'],
    [{ command: 'pin', line: 1.5 }, 'INVALID_ARGUMENT', "'line' must be"],
    [{ command: 'pin', line: 1, controller: 'x' }, 'INVALID_ARGUMENT', "'controller' must be"],
    [{ command: 'drive', line: 0, level: 2 }, 'INVALID_ARGUMENT', "'level' must be 0 or 1"],
    [{ command: 'explode' }, 'INVALID_ARGUMENT', 'no command "explode"'],
    [{}, 'INVALID_ARGUMENT', 'no command'],
  ])('refuses %j', async (request, name, why) => {
    const failed = askControl(path, request as never);
    await expect(failed).rejects.toMatchObject({ name });
    await expect(failed).rejects.toThrow(why);
  });

  it('answers requests in their order, with their ids', async () => {
    const text = `{"id":"a","command":"stats"}\n\n{"id":[2],"command":"pin","line":0}\n{"command":"no"}\n`;
    const answers = (await raw(text, 3)).map((line) => JSON.parse(line) as { id: unknown });
    expect(answers.map(({ id }) => id)).toEqual(['a', [2], null]);
  });

  it.each([
    ['no JSON', 'hello\n'],
    ['no object', '[1]\n'],
    ['a line without end', 'x'.repeat(70_000)],
  ])('ends a connection that sends %s, after saying so', async (_, text) => {
    const answers = await raw(text, 99);
    expect(answers.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { error: { name: 'PROTOCOL_ERROR' } },
    ]);
    expect(await askControl(path, { command: 'pin', line: 0 })).toMatchObject({ line: 0 });
  });

  it('is refused where somebody listens, and replaces what a dead one left', async () => {
    await expect(serveControl(path, coprocessor)).rejects.toMatchObject({ name: 'BUSY' });
    const stale = join(directory, 'stale');
    await leaveSocketBehind(stale);
    const again = await serveControl(stale, coprocessor);
    expect(await askControl(stale, { command: 'pin', line: 0 })).toMatchObject({ line: 0 });
    await again.close();
    const file = join(directory, 'file');
    writeFileSync(file, 'precious');
    await expect(serveControl(file, coprocessor)).rejects.toMatchObject({ name: 'BUSY' });
    expect(readFileSync(file, 'utf8')).toBe('precious');
    await expect(serveControl(join(directory, 'no', 'dir'), coprocessor)).rejects.toThrow('/no/dir: ');
  });

  it('tells a client that nobody listens', async () => {
    await expect(askControl(join(directory, 'none'), { command: 'stats' })).rejects.toThrow(
      'no simulator listens on',
    );
  });
});

/** A socket file whose listener died without removing it. */
async function leaveSocketBehind(where: string): Promise<void> {
  const { execFileSync } = await import('node:child_process');
  const script = `require('node:net').createServer().listen(${JSON.stringify(where)}, () => process.kill(process.pid, 'SIGKILL'))`;
  try {
    execFileSync(process.execPath, ['-e', script]);
  } catch {
    // It was killed, as intended.
  }
}
