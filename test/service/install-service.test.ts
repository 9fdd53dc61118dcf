import { existsSync, lstatSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { built } from '../support/built.js';
import { run, temporaryDirectory } from '../support/program.js';
import { MAIN } from '../support/root.js';

/** `gpiobridge install-service` as a user runs it, into a folder that stands for a machine. */

let dir: ReturnType<typeof temporaryDirectory>;

beforeAll(() => built());

beforeEach(() => {
  dir = temporaryDirectory();
});

afterEach(() => dir.remove());

const install = (...args: string[]) => run(['install-service', '--root', dir.path, ...args]);
const etc = (name: string) => dir.join(`etc/${name}`);

describe('install-service', () => {
  it('shows everything and does nothing with --dry-run', async () => {
    const { status, stdout, stderr } = await install('--dry-run');
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain(`create  ${etc('systemd/system/gpiobridge.service')}\n`);
    expect(stdout).toContain(`create  ${etc('udev/rules.d/60-gpiobridge.rules')}\n`);
    expect(stdout).toContain('        + Type=notify\n');
    expect(existsSync(etc(''))).toBe(false);
  });

  it('asks before it does anything, and says so where nobody can answer', async () => {
    const { status, stderr } = await install();
    expect([status, stderr]).toEqual([
      1,
      'gpiobridge install-service: nobody can be asked here: say --yes, or --dry-run\n',
    ]);
    expect(existsSync(etc(''))).toBe(false);
  });

  it('writes every file, the same again changes nothing, and --uninstall takes them away', async () => {
    expect(await install('--yes')).toMatchObject({ status: 0, stderr: '' });
    const unit = readFileSync(etc('systemd/system/gpiobridge.service'), 'utf8');
    expect(unit).toMatch(
      /^ExecStart=\/\S* .*main\.js"? daemon --config \/etc\/gpiobridge\/gpiobridge\.toml$/m,
    );
    expect(statSync(etc('gpiobridge/gpiobridge.toml')).mode & 0o777).toBe(0o644);
    const link = etc('systemd/system/multi-user.target.wants/gpiobridge.service');
    expect(readlinkSync(link)).toBe('/etc/systemd/system/gpiobridge.service');
    expect(await install('--yes')).toMatchObject({ stdout: 'Everything is as it should be already.\n' });
    expect(await install('--uninstall', '--yes')).toMatchObject({ status: 0, stderr: '' });
    expect(lstatSync(link, { throwIfNoEntry: false })).toBeUndefined();
    expect(existsSync(etc('systemd/system/gpiobridge.service'))).toBe(false);
    expect(existsSync(etc('gpiobridge/gpiobridge.toml'))).toBe(true);
  });

  it('tells what it does as JSON', async () => {
    const { stdout } = await install('--json', '--yes');
    const objects = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(objects).toContainEqual({
      type: 'file',
      action: 'create',
      path: etc('udev/rules.d/60-gpiobridge.rules'),
    });
    expect(await install('--json')).toMatchObject({ status: 1 });
  });

  it('refuses a root that is none', async () => {
    const { status, stderr } = await run(['install-service', '--root', dir.join('absent'), '--yes']);
    expect([status, stderr]).toEqual([
      1,
      `gpiobridge install-service: --root: no directory ${dir.join('absent')}\n`,
    ]);
    expect(existsSync(MAIN)).toBe(true);
  });
});
