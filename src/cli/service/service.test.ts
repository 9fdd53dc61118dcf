import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ROOT } from '../../../test/support/root.js';
import { carryOut } from './carry-out.js';
import type { CommandLine } from './commands.js';
import type { FileChange } from './file-changes.js';
import { type InstallPlan, makePlan, planText } from './install-plan.js';
import { lineDiff } from './line-diff.js';
import { unitWord, whyNotAService, withinRoot } from './program-paths.js';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'gb-'));
});

afterEach(() => rmSync(dir, { recursive: true }));

const PATHS = {
  node: '/usr/bin/node',
  main: '/usr/local/lib/node_modules/gpiobridge/dist/cli/main.js',
  packageDir: ROOT,
};

function plan(uninstall = false): InstallPlan {
  return makePlan({ uninstall, root: dir, paths: PATHS, configured: false });
}

const filesBelow = (folder: string) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();

describe('lineDiff', () => {
  it('marks what goes and what comes, with a little around it', () => {
    expect(lineDiff('a\nb\nc\nd\ne\nf\n', 'a\nb\nc\nD\ne\nf\n')).toEqual([
      '...',
      '  b',
      '  c',
      '- d',
      '+ D',
      '  e',
      '  f',
    ]);
    expect(lineDiff('', 'a\n\n')).toEqual(['+ a', '+']);
    expect(lineDiff('a\n', '')).toEqual(['- a']);
    expect(lineDiff('a\nb\n', 'a\nb\n')).toEqual([]);
  });
});

describe('unitWord', () => {
  it('is read back as it was by systemd', () => {
    expect(unitWord('/usr/bin/node')).toBe('/usr/bin/node');
    expect(unitWord('/opt/my apps/100%/$x')).toBe('"/opt/my apps/100%%/$$x"');
    expect(unitWord('/a"b\\c')).toBe('"/a\\"b\\\\c"');
  });
});

describe('program paths', () => {
  it('must be where a confined service can see them', () => {
    expect(whyNotAService(PATHS)).toBeUndefined();
    expect(whyNotAService({ ...PATHS, node: '/home/u/.nvm/versions/node/v20/bin/node' })).toMatch(
      /^Node.js is at \/home.*whole system/,
    );
    expect(whyNotAService({ ...PATHS, main: '/root/x/dist/cli/main.js' })).toMatch(/npm install -g/);
  });

  it('are those of the image, for what lies in it', () => {
    expect(withinRoot({ ...PATHS, main: '/mnt/image/usr/lib/x.js' }, '/mnt/image')).toMatchObject({
      node: '/usr/bin/node',
      main: '/usr/lib/x.js',
    });
  });
});

describe('carryOut', () => {
  it('installs, finds nothing more to do, and uninstalls without a trace but the configuration', () => {
    carryOut(plan(), () => {});
    expect(plan().changes).toEqual([]);
    const unit = readFileSync(`${dir}/etc/systemd/system/gpiobridge.service`, 'utf8');
    expect(unit).toContain(`ExecStart=/usr/bin/node ${PATHS.main} daemon`);
    expect(unit).not.toMatch(/@[A-Z]+@/);
    writeFileSync(`${dir}/etc/gpiobridge/gpiobridge.toml`, '# mine\n');
    expect(plan().changes).toEqual([]);
    carryOut(plan(true), () => {});
    const left = filesBelow(dir).filter((path) => /\.\w+$/.test(path) && !/\.(d|wants)$/.test(path));
    expect(left).toEqual(['etc/gpiobridge/gpiobridge.toml']);
    expect(readFileSync(`${dir}/etc/gpiobridge/gpiobridge.toml`, 'utf8')).toBe('# mine\n');
  });

  it('shows what changes in a file that is there', () => {
    carryOut(plan(), () => {});
    const rules = `${dir}/etc/udev/rules.d/60-gpiobridge.rules`;
    writeFileSync(rules, readFileSync(rules, 'utf8').replace('MODE="0660"', 'MODE="0666"'));
    const text = planText(plan());
    expect(text).toContain(`change  ${rules}\n`);
    expect(text).toMatch(/^ {8}- .*MODE="0666"/m);
    expect(text).toMatch(/^ {8}\+ .*MODE="0660"/m);
    expect(text).not.toContain('create');
  });

  it.each([0, 1, 2])('puts every file back when command %i fails', (failing) => {
    carryOut(plan(), () => {});
    const rules = `${dir}/etc/udev/rules.d/60-gpiobridge.rules`;
    writeFileSync(rules, 'old\n');
    rmSync(`${dir}/etc/sysusers.d`, { recursive: true });
    const files = filesBelow(dir);
    const after: CommandLine[] = [['a'], ['b'], ['c']];
    const ran: string[] = [];
    const run = ([name]: CommandLine) => {
      ran.push(name);
      if (name === after[failing]![0]) throw new Error(`${name} failed`);
    };
    expect(() => carryOut({ ...plan(), after, back: [['undo']] }, run)).toThrow(
      /failed; every file is again as it was/,
    );
    expect(ran.at(-1)).toBe('undo');
    expect(filesBelow(dir)).toEqual(files);
    expect(readFileSync(rules, 'utf8')).toBe('old\n');
  });

  it('changes nothing when one of the files cannot be written', () => {
    // A folder where a file shall be: rename(2) refuses, after the others took their places.
    const change = (path: string): FileChange => ({
      path: join(dir, path),
      before: undefined,
      after: { text: 'x' },
    });
    mkdirSync(join(dir, 'taken'));
    const broken = { ...plan(), changes: [change('first'), change('new/second'), change('taken')] };
    expect(() => carryOut(broken, () => {})).toThrow(/as it was/);
    expect(filesBelow(dir)).toEqual(['taken']);
  });
});

describe('makePlan', () => {
  it('does not replace what somebody else put there', () => {
    mkdirSync(`${dir}/etc/systemd/system`, { recursive: true });
    symlinkSync('/dev/null', `${dir}/etc/systemd/system/gpiobridge.service`);
    expect(() => plan()).toThrow(/is a link to \/dev\/null: remove it first/);
  });

  it('does not follow the links of an image out of it', () => {
    symlinkSync('/etc', `${dir}/etc`);
    expect(() => plan()).toThrow(/leads out of/);
    expect(existsSync('/etc/sysusers.d/gpiobridge.conf.new')).toBe(false);
  });
});
