import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { built } from '../support/built.js';
import { run, temporaryDirectory } from '../support/program.js';

/** Where a daemon and an export put what they make, and what is left when they cannot start. */
let dir: ReturnType<typeof temporaryDirectory>;
beforeAll(built, 60_000);
beforeEach(() => {
  dir = temporaryDirectory();
});
afterEach(() => dir.remove());

const link = ['--link', 'a=unix:/nowhere'];

describe('a daemon that cannot start', () => {
  it('says so where its runtime directory cannot be made', async () => {
    expect(await run(['daemon', '--runtime-dir', '/proc/foo', ...link])).toEqual({
      status: 1,
      stdout: '',
      stderr:
        "gpiobridge daemon: runtime directory (--runtime-dir) '/proc/foo' cannot be made: '/proc' takes no directories: choose another\n",
    });
  });

  it('leaves no directory behind that it made, and those that were there', async () => {
    const trace = ['--trace', dir.join('nowhere/trace')];
    const outcome = await run(['daemon', '--runtime-dir', dir.join('a/run'), ...link, ...trace]);
    expect(outcome.status).toBe(1);
    expect(readdirSync(dir.path)).toEqual([]);
  });

  it('says in words that there is no configuration', async () => {
    const { status, stderr } = await run(['daemon', '--config', dir.join('nope')]);
    expect(status).toBe(2);
    expect(stderr).toBe(
      `gpiobridge daemon: ${dir.join('nope')}: cannot be read: there is no such file: make it, or give another\n`,
    );
  });
});

describe('an export that cannot start', () => {
  const start = (socket: string) =>
    run(['export', 'vhost-user', 'hub', socket, '--runtime-dir', dir.join('none')]);

  it('leaves no folder behind', async () => {
    expect((await start(dir.join('vm'))).status).toBe(1);
    expect(existsSync(dir.join('vm.state'))).toBe(false);
  });

  it('says where its folder cannot be made', async () => {
    writeFileSync(dir.join('file'), '');
    expect((await start(dir.join('file/vm'))).stderr).toBe(
      `gpiobridge export: state directory '${dir.join('file/vm.state')}' cannot be made: '${dir.join('file')}' is not a directory\n`,
    );
  });
});

describe('a link that is none', () => {
  it.each(['foo', '=x', 'a=b'])('%s is a configuration that is not valid', async (link_) => {
    const { status, stderr } = await run(['daemon', '--runtime-dir', dir.join('run'), '--link', link_]);
    expect(status).toBe(2);
    expect(stderr).toContain(`gpiobridge daemon: --link ${link_}: `);
  });
});
