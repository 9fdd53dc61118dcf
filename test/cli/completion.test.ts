import { execFileSync, spawnSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { subcommandDefinitions } from '../../src/cli/definitions.js';
import { built } from '../support/built.js';
import { eventually, Program, run, temporaryDirectory } from '../support/program.js';
import { MAIN } from '../support/root.js';

/** What the shells make of `gpiobridge completion`, with a daemon that has lines to offer. */

const dir = temporaryDirectory();
const programs: Program[] = [];
const scripts: Record<string, string> = {};
let env: Record<string, string>;

beforeAll(async () => {
  await built();
  symlinkSync(MAIN, dir.join('gpiobridge'));
  env = {
    ...(process.env as Record<string, string>),
    PATH: `${dir.path}:${process.env.PATH}`,
    GPIOBRIDGE_RUNTIME_DIR: dir.join('run'),
  };
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { status, stdout, stderr } = await run(['completion', shell]);
    expect([status, stderr]).toEqual([0, '']);
    scripts[shell] = dir.join(`completion.${shell}`);
    writeFileSync(scripts[shell], stdout);
  }
  for (const [name, names] of [
    ['hub', 'DOOR,BUTTON,two words'],
    ['mcu', 'DIAL'],
  ] as const) {
    const sim = new Program(['sim', '--listen', `unix:${dir.join(name)}`, '--names', names]);
    programs.push(sim);
    await sim.waitFor(/listening on/);
  }
  const links = ['hub', 'mcu'].flatMap((name) => ['--link', `${name}=unix:${dir.join(name)}`]);
  programs.push(new Program(['daemon', '--runtime-dir', dir.join('run'), ...links]));
  await eventually(async () => (await run(['detect'], env)).stdout.match(/^mcu .*\n$/m)?.[0], 'both chips');
});

afterAll(async () => {
  for (const program of programs) await program.stop('SIGKILL');
  dir.remove();
});

function has(shell: string): boolean {
  return spawnSync(shell, ['--version']).status === 0;
}

/** What bash offers for the last of these words. */
function bash(...words: string[]): string[] {
  const script = `source "$1"; shift
    COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _gpiobridge 2>/dev/null; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const args = ['-c', script, 'bash', scripts.bash!, 'gpiobridge', ...words];
  return execFileSync('bash', args, { encoding: 'utf8', env }).split('\n').filter(Boolean);
}

function fish(line: string): string[] {
  const args = ['--no-config', '-c', `source ${scripts.fish}; complete -C '${line}'`];
  const printed = execFileSync('fish', args, { encoding: 'utf8', env: { ...env, HOME: dir.path } });
  return printed
    .split('\n')
    .filter(Boolean)
    .map((offer) => offer.split('\t')[0]!);
}

describe.runIf(has('bash'))('bash', () => {
  it('completes subcommands and their options', () => {
    expect(bash('de')).toEqual(
      ['detect', 'daemon', 'decode', 'demo'].filter((name) => name.startsWith('de')),
    );
    expect(bash('get', '--acti')).toEqual(['--active-low']);
    expect(bash('mon', '-e', 'r')).toEqual(['rising']);
    expect(bash('completion', '')).toEqual(['bash', 'zsh', 'fish']);
  });

  it('completes chips and lines of the running daemon', () => {
    expect(bash('get', '-c', '')).toEqual(['hub', 'mcu']);
    expect(bash('get', 'D').sort()).toEqual(['DIAL', 'DOOR']);
    expect(bash('get', '-c', 'mcu', '')).toEqual(['DIAL']);
    expect(bash('get', '--chip', '=', 'mcu', '')).toEqual(['DIAL']);
    expect(bash('get', 'tw')).toEqual(['two\\ words']);
    expect(bash('set', 'DO')).toEqual(['DOOR=']);
    expect(bash('set', 'DOOR', '=', 'a')).toEqual(['active']);
  });

  it('completes folders and files', () => {
    expect(bash('status', '--runtime-dir', dir.join('ru'))).toEqual([dir.join('run')]);
    expect(bash('daemon', '--config', dir.join('completion.z'))).toEqual([dir.join('completion.zsh')]);
  });
});

describe.runIf(has('fish'))('fish', () => {
  it('completes subcommands, options, chips and lines', () => {
    expect(fish('gpiobridge dete')).toEqual(['detect']);
    expect(fish('gpiobridge get --acti')).toEqual(['--active-low']);
    expect(fish('gpiobridge get --chip ').sort()).toEqual(['hub', 'mcu']);
    expect(fish('gpiobridge get -c mcu D')).toEqual(['DIAL']);
    expect(fish('gpiobridge set DO').sort()).toEqual(['DOOR=0', 'DOOR=1']);
    expect(fish('gpiobridge mon --edges r')).toEqual(['rising']);
  });
});

describe.runIf(has('zsh'))('zsh', () => {
  it('reads the script, and takes it for the completion of gpiobridge', () => {
    const script = `autoload -Uz compinit; compinit -u -D; source ${scripts.zsh}; print $_comps[gpiobridge]`;
    const { status, stdout, stderr } = spawnSync('zsh', ['-f', '-c', script], { encoding: 'utf8', env });
    expect([status, stdout, stderr]).toEqual([0, '_gpiobridge\n', '']);
  });
});

describe('gpiobridge completion', () => {
  it('knows every option of every subcommand', async () => {
    const { stdout: bashText } = await run(['completion', 'bash']);
    const { stdout: zshText } = await run(['completion', 'zsh']);
    const { stdout: fishText } = await run(['completion', 'fish']);
    for (const { name, options } of await subcommandDefinitions()) {
      for (const { long } of options.filter((option) => option.long !== undefined)) {
        const inBash = bashText.slice(bashText.indexOf(`\n    ${name})`));
        expect(inBash.slice(0, inBash.indexOf('esac ;;')), `${name} in bash`).toContain(long);
        const inZsh = zshText.slice(zshText.indexOf(`\n    ${name})`));
        expect(inZsh.slice(0, inZsh.indexOf(' ;;')), `${name} in zsh`).toContain(long);
        expect(fishText, `${name} in fish`).toMatch(new RegExp(`_from ${name}'.* -l ${long!.slice(2)} `));
      }
    }
  });

  it('prints nothing where no daemon answers', async () => {
    const result = await run(['completion', '--names', 'lines', '--runtime-dir', dir.join('absent')]);
    expect(result).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  it('asks which shell', async () => {
    expect(await run(['completion'])).toMatchObject({
      status: 1,
      stderr: 'gpiobridge completion: which shell? bash, zsh, fish\n',
    });
    expect(await run(['completion', 'tcsh'])).toMatchObject({ status: 1 });
  });
});
