import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { built, MAIN, ROOT } from '../support/built.js';
import { eventually, Program, temporaryDirectory } from '../support/program.js';

const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');

/** The lines of the indented block that follows a heading. */
function blockAfter(heading: string): string[] {
  const section = readme.slice(readme.indexOf(`## ${heading}`));
  const block = /(?:^ {4}.*\n|^\n)+/m.exec(section.slice(section.indexOf('\n\n    ')))?.[0] ?? '';
  return block
    .split('\n')
    .map((line) => line.slice(4))
    .filter((line) => line !== '');
}

/** A coprocessor behind a pty, where the README has /dev/ttyACM0. */
describe('README.md', () => {
  const directory = temporaryDirectory();
  const env = {
    ...process.env,
    PATH: `${directory.join('bin')}:${process.env.PATH}`,
    GPIOBRIDGE_RUNTIME_DIR: directory.join('run'),
  };
  const children: ChildProcess[] = [];
  let coprocessor: Program;

  beforeAll(async () => {
    await built();
    mkdirSync(directory.join('bin'));
    symlinkSync(MAIN, directory.join('bin/gpiobridge'));
    mkdirSync(directory.join('project/node_modules'), { recursive: true });
    symlinkSync(ROOT, directory.join('project/node_modules/gpiobridge'));
    coprocessor = new Program([
      'sim',
      ...['--listen', `pty:${directory.join('tty')}`, '--control', directory.join('sim')],
      ...['--names', 'LED,DOOR,BUTTON,A,B,C', '--lines', '6'],
      ...['--stimulus', 'toggle:DOOR:100ms', '--stimulus', 'toggle:B:100ms'],
    ]);
    await coprocessor.waitFor(/listening/);
  });

  afterAll(async () => {
    for (const child of children.reverse()) {
      try {
        process.kill(-(child.pid as number), 'SIGTERM');
      } catch {
        // It has ended already.
      }
    }
    await coprocessor.stop();
    directory.remove();
  });

  /** Runs one line as a terminal does; returns what it has printed so far. */
  function type(line: string): () => string {
    const command = line.replace('/dev/ttyACM0', directory.join('tty'));
    const child = spawn('sh', ['-c', `${command}\nwait`], {
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    return () => output;
  }
  const shows = (output: () => string, pattern: RegExp) =>
    eventually(() => output().match(pattern) ?? undefined, output);

  it('connects a coprocessor in five lines', async () => {
    const lines = blockAfter('With your coprocessor');
    expect(lines).toHaveLength(5);
    expect(lines[0]).toMatch(/^npm ci && npm run build && npm link /);
    await shows(type(lines[1]), /event=ready/);
    await eventually(async () => {
      const output = type(lines[2]);
      await shows(output, /hub - 6 lines|gpiobridge info:/);
      return /"DOOR"/.test(output()) ? true : undefined;
    }, 'the lines of the chip');
    type(lines[3]);
    await eventually(async () => {
      const pin = type(`gpiobridge pin --control ${directory.join('sim')} LED`);
      return (await shows(pin, /[01]/))[0] === '1' ? true : undefined;
    }, 'the LED');
    await shows(type(lines[4]), /rising\t"DOOR"\n[\s\S]*falling\t"DOOR"\n/);
  });

  it('has a program that prints edges', async () => {
    const example = blockAfter('From your own program').join('\n').replace(' as const', '');
    writeFileSync(directory.join('project/example.mjs'), example);
    await shows(
      type(`node ${directory.join('project/example.mjs')}`),
      /type: 'edge',\s+chip: 'hub',\s+offset: 4/,
    );
  });
});
