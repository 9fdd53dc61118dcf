import { cpSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { built, ROOT } from '../support/built.js';
import { Program, run, temporaryDirectory } from '../support/program.js';

let dir: ReturnType<typeof temporaryDirectory>;
const programs: Program[] = [];

beforeAll(() => built());
beforeEach(() => {
  dir = temporaryDirectory();
});
afterEach(async () => {
  for (const program of programs.splice(0)) await program.stop('SIGKILL');
  dir.remove();
});

/** A package of its own, whose files can be taken away. */
function installed(): string {
  for (const path of ['package.json', 'dist/cli']) {
    cpSync(`${ROOT}/${path}`, dir.join(`package/${path}`), { recursive: true });
  }
  symlinkSync(`${ROOT}/node_modules`, dir.join('package/node_modules'));
  return dir.join('package/dist/cli/main.js');
}

it('a daemon whose files were replaced says so when it needs them, and serves what it served', async () => {
  const sim = new Program(['sim', '--listen', `unix:${dir.join('port')}`]);
  programs.push(sim);
  await sim.waitFor(/listening on/);
  const config = dir.join('config.toml');
  const hub = `[[coprocessor]]\nname = "hub"\nlink = "unix:${dir.join('port')}"\n`;
  writeFileSync(config, hub);
  const args = ['daemon', '--runtime-dir', dir.join('run'), '--config', config];
  const daemon = new Program(args, {}, { executable: installed() });
  programs.push(daemon);
  await daemon.waitFor(/event=chip_added/);

  rmSync(dir.join('package/dist'), { recursive: true });
  const metrics = `[metrics]\nsocket = "${dir.join('metrics')}"\n`;
  const vm = `[[export]]\ntype = "vhost-user"\nchip = "hub"\nsocket = "${dir.join('vm')}"\n`;
  writeFileSync(config, hub + metrics + vm);
  daemon.process.kill('SIGHUP');
  await daemon.waitFor(/metrics_not_served.*metrics cannot be loaded: .* replaced .* restart it/);
  await daemon.waitFor(/export_not_served.*vhost-user cannot be loaded: .* replaced .* restart it/);
  await daemon.waitFor(/event=reloaded/);

  const info = await run(['info', '-c', 'hub'], { GPIOBRIDGE_RUNTIME_DIR: dir.join('run') });
  expect(info).toMatchObject({ status: 0, stderr: '' });
  expect(info.stdout).toMatch(/^hub - 32 lines:\n/);
});
