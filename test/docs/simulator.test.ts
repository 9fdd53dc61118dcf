import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseFault, parseScenario, parseStimulus } from '../../firmware-sim/index.js';
import { command } from '../../src/cli/commands/sim.js';
import { built, MAIN, ROOT } from '../support/built.js';
import { temporaryDirectory } from '../support/program.js';

const page = readFileSync(join(ROOT, 'docs/simulator.md'), 'utf8');
const section = (heading: string) => page.slice(page.indexOf(`## ${heading}\n`)).split(/\n#+ /)[0]!;
/** What the first column of a section's table has, in code. */
const rows = (heading: string) =>
  [...section(heading).matchAll(/^\| `([^`]+)` \|/gm)].map(([, code]) => code!);

/** The words of the page, as somebody would fill them in. */
function filledIn(spec: string): string {
  const values: Record<string, string> = {
    LINE: 'DOOR',
    PERIOD: '1s',
    WIDTH: '1ms',
    TIME: '2ms',
    'FIRST-LAST': '0-7',
    RATE: '100',
    EDGES: '5',
    P: '0.1',
    PPM: '-20',
  };
  return spec
    .split(':')
    .map((part) => values[part] ?? part)
    .join(':');
}

describe('docs/simulator.md', () => {
  beforeAll(built);

  it('tells of stimuli and faults that there are, and of all of them', () => {
    const stimuli = rows('Stimuli').map((spec) => parseStimulus(filledIn(spec)).kind);
    expect(stimuli).toEqual(['toggle', 'pulse', 'random', 'bounce', 'replay']);
    const faults = rows('Faults').map((spec) => parseFault(filledIn(spec)).kind);
    expect(faults).toEqual([
      ...['corrupt', 'drop', 'duplicate', 'delay', 'stall', 'drift', 'reboot', 'crash'],
      ...['lose', 'repeat', 'silent', 'refuse', 'late'],
    ]);
    const help = helpText();
    for (const spec of [...rows('Stimuli'), ...rows('Faults')]) {
      expect(help).toContain(`${spec.split(':')[0]}:`);
    }
  });

  it('has a scenario that is valid', () => {
    const toml = section('Scenarios')
      .split('\n')
      .filter((line) => line.startsWith('    '))
      .join('\n');
    expect(parseScenario(toml).steps).toHaveLength(6);
  });

  it('has a test that passes', async () => {
    const directory = temporaryDirectory();
    const modules = directory.join('node_modules');
    mkdirSync(join(modules, '.bin'), { recursive: true });
    symlinkSync(MAIN, join(modules, '.bin/gpiobridge'));
    symlinkSync(ROOT, join(modules, 'gpiobridge'));
    symlinkSync(join(ROOT, 'node_modules/vitest'), join(modules, 'vitest'));
    writeFileSync(directory.join('package.json'), '{"type":"module"}');
    writeFileSync(directory.join('bell.test.ts'), /```ts\n([\s\S]*?)```/.exec(page)![1]!);
    const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
    const env = { ...process.env, PATH: `${join(modules, '.bin')}:${process.env.PATH}` };
    try {
      const limits = ['--testTimeout', '30000', '--hookTimeout', '60000'];
      const args = [vitest, 'run', '--root', directory.path, '--reporter', 'json', ...limits];
      const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: directory.path, env });
      expect(JSON.parse(stdout)).toMatchObject({ success: true, numPassedTests: 2 });
    } finally {
      directory.remove();
    }
  });
});

/** Options, and the notes behind them. */
function helpText(): string {
  let text = '';
  command()
    .configureOutput({ writeOut: (more) => (text += more) })
    .outputHelp();
  return text;
}
