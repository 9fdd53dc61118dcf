import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { createConnection } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { built } from '../support/built.js';
import { eventually, type Program, run } from '../support/program.js';
import { usePrograms } from '../support/use-programs.js';

/** The daemon's metrics as a collector gets them. */

const room = usePrograms();

beforeAll(() => built());

const started = (...args: string[]): Program => room.start(args);

function config(metrics: string): string {
  const file = room.join('gb.toml');
  writeFileSync(file, `${metrics}[[coprocessor]]\nname = "hub"\nlink = "unix:${room.join('hub')}"\n`);
  return file;
}

async function daemon(metrics: string): Promise<Program> {
  await started('sim', '--listen', `unix:${room.join('hub')}`).waitFor(/listening on/);
  const program = started('daemon', '--runtime-dir', room.join('run'), '--config', config(metrics));
  await program.waitFor(/event=chip_added/);
  return program;
}

function get(
  path: string,
  method = 'GET',
): Promise<{ status: number; text: string; type: string | undefined }> {
  return new Promise((resolve, reject) => {
    const answered = (response: IncomingMessage): void => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      const type = response.headers['content-type'];
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text, type }));
    };
    request({ socketPath: room.join('metrics'), path, method }, answered)
      .on('error', reject)
      .end();
  });
}

const SOCKET = () => `[metrics]\nsocket = "${room.join('metrics')}"\nmode = "0600"\n`;

describe('the metrics socket', () => {
  it('answers GET /metrics and nothing else, and goes with the daemon', async () => {
    const served = await daemon(SOCKET());
    expect(statSync(room.join('metrics')).mode & 0o777).toBe(0o600);
    const { status, text, type } = await get('/metrics');
    expect([status, type]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
    expect(text).toMatch(/^gpiobridge_chip_lines\{chip="hub",coprocessor="hub"\} 32$/m);
    expect(await get('/metrics', 'HEAD')).toMatchObject({ status: 200, text: '' });
    expect(await get('/')).toMatchObject({ status: 404 });
    expect(await get('/metrics', 'POST')).toMatchObject({ status: 405 });
    expect(await served.stop('SIGTERM')).toBe(0);
    expect(existsSync(room.join('metrics'))).toBe(false);
  });

  it('survives clients that are none', async () => {
    await daemon(SOCKET());
    for (const bytes of ['\0\0\0', 'GET /metrics HTTP/9.9\r\n\r\n', `GET /${'x'.repeat(100_000)}`]) {
      const socket = createConnection(room.join('metrics')).on('error', () => {});
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.resume().write(bytes);
      await closed;
    }
    // More than are admitted, none of them asking anything.
    const idle = Array.from({ length: 20 }, () =>
      createConnection(room.join('metrics')).on('error', () => {}),
    );
    await eventually(
      () => idle.filter((socket) => socket.destroyed).length >= 4 || undefined,
      'some turned away',
    );
    for (const socket of idle) socket.destroy();
    await eventually(
      () =>
        get('/metrics').then(
          ({ status }) => status === 200 || undefined,
          () => undefined,
        ),
      'it answers again',
    );
  });

  it('follows the configuration', async () => {
    const served = await daemon(SOCKET());
    config('');
    served.process.kill('SIGHUP');
    await served.waitFor(/event=reloaded/);
    expect(existsSync(room.join('metrics'))).toBe(false);
  });

  it('does not take the place of a file that is no socket', async () => {
    writeFileSync(room.join('metrics'), 'mine');
    const result = await run(['daemon', '--runtime-dir', room.join('run'), '--config', config(SOCKET())]);
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/metrics\.socket: '.*' is there already, and is no socket/);
    expect(readFileSync(room.join('metrics'), 'utf8')).toBe('mine');
  });
});

describe('the metrics file', () => {
  it('is kept up to date, readable for all, and gone with the daemon', async () => {
    const file = room.join('gb.prom');
    const served = await daemon(`[metrics]\nfile = "${file}"\ninterval_ms = 1000\n`);
    const up = /^gpiobridge_coprocessor_up\{coprocessor="hub"\} 1$/m;
    await eventually(
      () => (existsSync(file) && up.test(readFileSync(file, 'utf8'))) || undefined,
      'it says up',
    );
    expect(statSync(file).mode & 0o777).toBe(0o644);
    expect(await served.stop('SIGTERM')).toBe(0);
    expect(existsSync(file)).toBe(false);
  });

  it('that cannot be written is told of, and the daemon goes on', async () => {
    const served = await daemon(`[metrics]\nfile = "${room.join('absent')}/gb.prom"\n`);
    await served.waitFor(/event=metrics_failed .*ENOENT/);
  });
});

describe('[metrics]', () => {
  it('is checked like the rest', async () => {
    const wrong = '[metrics]\nfile = "gb.txt"\nowner = "0"\nport = 9100\n';
    const { status, stderr } = await run(['daemon', '--check', '--config', config(wrong)]);
    expect(status).toBe(2);
    for (const problem of [
      /metrics\.file: .*\.prom/,
      /metrics\.owner: .*socket/,
      /metrics\.port: unknown key/,
    ]) {
      expect(stderr).toMatch(problem);
    }
    const empty = await run(['daemon', '--check', '--config', config('[metrics]\n')]);
    expect(empty.stderr).toMatch(/metrics\.socket: is missing, and so is file/);
  });
});
