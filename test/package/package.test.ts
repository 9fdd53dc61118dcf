import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { built, ROOT } from '../support/built.js';

const run = promisify(execFile);

/**
 * The package as users get it: packed, and unpacked in an empty project. Its dependencies are linked from this
 * clone instead of being fetched, so that the test needs no network.
 */
describe('the packed package', () => {
  let project: string;
  let contents: string[];

  beforeAll(async () => {
    await built();
    project = await mkdtemp(join(tmpdir(), 'gpiobridge-package-'));
    const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', project];
    const { stdout } = await run('npm', pack, { cwd: ROOT });
    const [{ filename, files }] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }];
    contents = files.map(({ path }) => path);
    const modules = join(project, 'node_modules');
    await mkdir(join(modules, 'gpiobridge'), { recursive: true });
    await run('tar', [
      '-xzf',
      join(project, filename),
      '-C',
      join(modules, 'gpiobridge'),
      '--strip-components=1',
    ]);
    const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    for (const name of [...Object.keys(manifest.dependencies), '@types/node']) {
      await mkdir(dirname(join(modules, name)), { recursive: true });
      await symlink(join(ROOT, 'node_modules', name), join(modules, name));
    }
    await writeFile(join(project, 'package.json'), JSON.stringify({ type: 'module', private: true }));
  });

  afterAll(() => rm(project, { recursive: true, force: true }));

  it('holds the program, its types and its documents, and nothing else', () => {
    expect(contents).toContain('dist/cli/main.js');
    expect(contents).toContain('dist/src/index.d.ts');
    expect(contents).toContain('dist/firmware-sim/index.d.ts');
    expect(contents).toContain('docs/protocol.md');
    expect(contents).toContain('LICENSE');
    const allowed =
      /^(dist\/cli\/([\w-]+\.js|LICENSES\.txt)|dist\/(src|firmware-sim)\/.*\.(js|d\.ts)|docs\/[\w-]+\.md|share\/[\w-]+\/[\w.-]+|README\.md|LICENSE|package\.json)$/;
    expect(contents.filter((path) => !allowed.test(path) || path.includes('.test.'))).toEqual([]);
  });

  it('has a program that runs', async () => {
    const main = join(project, 'node_modules/gpiobridge/dist/cli/main.js');
    const { stdout } = await run(main, ['--version'], { cwd: project });
    expect(stdout).toMatch(/^gpiobridge \d+\.\d+\.\d+\n$/);
    const help = await run(main, ['--help'], { cwd: project });
    expect(help.stdout).toContain('mon ');
  });

  it('is imported, the client and the simulator', async () => {
    const script = `
      const client = await import('gpiobridge');
      const sim = await import('gpiobridge/firmware-sim');
      console.log(typeof client.connect, Object.keys(sim).length > 0);`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: project });
    expect(stdout).toBe('function true\n');
  });

  it('compiles with types, as the README shows', async () => {
    const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
    const example = readme.slice(readme.indexOf('    import { connect }'), readme.indexOf('\nAny language'));
    expect(example).toContain('for await');
    const source = `import * as sim from 'gpiobridge/firmware-sim';\n${example}\nexport const names = Object.keys(sim);\n`;
    await writeFile(join(project, 'example.ts'), source);
    const options = ['--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node', '--noEmit'];
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const compile = run(process.execPath, [tsc, ...options, 'example.ts'], { cwd: project });
    await expect(compile.catch(({ stdout }) => Promise.reject(stdout))).resolves.toBeDefined();
  });
});
