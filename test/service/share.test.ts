import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serviceFiles } from '../../src/cli/service/service-files.js';
import { readConfig } from '../../src/daemon/config/read-config.js';
import { temporaryDirectory } from '../support/program.js';
import { ROOT } from '../support/root.js';

/** The files that make up the service, looked at by the programs that will read them, where these are. */

const operation = readFileSync(`${ROOT}/docs/operation.md`, 'utf8');
const files = serviceFiles(
  // Something that is there: systemd looks.
  { node: process.execPath, main: `${ROOT}/package.json`, packageDir: ROOT },
  `${ROOT}/share`,
);

let dir: ReturnType<typeof temporaryDirectory>;

beforeEach(() => {
  dir = temporaryDirectory();
});

afterEach(() => dir.remove());

function has(command: string, ...args: string[]): boolean {
  return spawnSync(command, args).status === 0;
}

function text(name: string): string {
  const found = files.find(({ path }) => path.endsWith(`/${name}`))!.content;
  return 'text' in found ? found.text : '';
}

/** The file as it is installed, in a folder of its own. */
function installed(name: string): string {
  const path = dir.join(name);
  writeFileSync(path, text(name));
  return path;
}

describe.runIf(has('systemd-analyze', '--version'))('gpiobridge.service', () => {
  it('is understood by systemd without a complaint', () => {
    const { status, stdout, stderr } = spawnSync(
      'systemd-analyze',
      ['verify', '--man=no', installed('gpiobridge.service')],
      { encoding: 'utf8' },
    );
    const about = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('gpiobridge.service'));
    expect([status, about]).toEqual([0, []]);
  });

  it('is confined as far as docs/operation.md says', () => {
    const unit = installed('gpiobridge.service');
    const args = ['security', '--offline=true', '--no-pager', unit];
    const printed = execFileSync('systemd-analyze', args, { encoding: 'utf8' });
    const exposure = Number(/Overall exposure level for gpiobridge\.service: ([\d.]+)/.exec(printed)![1]);
    const documented = Number(/exposure level[^.]*: \*\*([\d.]+)\*\*/.exec(operation)![1]);
    // Versions of systemd weigh a little differently; less confined than written is a defect.
    expect(exposure).toBeLessThanOrEqual(documented);
    expect(documented - exposure).toBeLessThan(0.5);
  });
});

describe('60-gpiobridge.rules', () => {
  it('is made of complete rules', () => {
    const pair = String.raw`[A-Z]+(?:\{[\w$./]+\})?(?:==|!=|\+=|:=|=)"[^"]*"`;
    const rule = new RegExp(`^${pair}(?:, ${pair})*$`);
    const rules = text('60-gpiobridge.rules')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(rules.filter((line) => !rule.test(line))).toEqual([]);
    expect(rules.length).toBeGreaterThan(4);
  });

  it.runIf(has('udevadm', 'verify', '--help'))('is understood by udev', () => {
    // The group exists only where the service is installed.
    const args = ['verify', '--resolve-names=never', installed('60-gpiobridge.rules')];
    expect(spawnSync('udevadm', args, { encoding: 'utf8' })).toMatchObject({ status: 0 });
  });
});

describe('gpiobridge.conf', () => {
  it.runIf(has('systemd-sysusers', '--dry-run', '/dev/null'))('is understood by systemd-sysusers', () => {
    const result = spawnSync('systemd-sysusers', ['--dry-run', installed('gpiobridge.conf')], {
      encoding: 'utf8',
    });
    expect(result.status).toBe(0);
    expect(`${result.stdout}${result.stderr}`).not.toMatch(/gpiobridge\.conf:\d+/);
  });
});

describe('gpiobridge.toml', () => {
  it('is a valid configuration once its example is taken', () => {
    const toml = text('gpiobridge.toml').replaceAll(/^#(?=\[|name|link)/gm, '');
    expect(readConfig(toml, 'x', []).coprocessors).toHaveLength(1);
  });
});
