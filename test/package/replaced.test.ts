import { cpSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { beforeAll, expect, it } from 'vitest';
import { built, ROOT } from '../support/built.js';
import { run } from '../support/program.js';
import { usePrograms } from '../support/use-programs.js';

const room = usePrograms();

beforeAll(() => built());

/** A package of its own, whose files can be taken away. */
function installed(): string {
  for (const path of ['package.json', 'dist/cli']) {
    cpSync(`${ROOT}/${path}`, room.join(`package/${path}`), { recursive: true });
  }
  symlinkSync(`${ROOT}/node_modules`, room.join('package/node_modules'));
  return room.join('package/dist/cli/main.js');
}

it('a daemon whose files were replaced says so when it needs them, and serves what it served', async () => {
  const sim = room.start(['sim', '--listen', `unix:${room.join('port')}`]);
  await sim.waitFor(/listening on/);
  const config = room.join('config.toml');
  const hub = `[[coprocessor]]\nname = "hub"\nlink = "unix:${room.join('port')}"\n`;
  writeFileSync(config, hub);
  const args = ['daemon', '--runtime-dir', room.join('run'), '--config', config];
  const daemon = room.start(args, {}, { executable: installed() });
  await daemon.waitFor(/event=chip_added/);

  rmSync(room.join('package/dist'), { recursive: true });
  const metrics = `[metrics]\nsocket = "${room.join('metrics')}"\n`;
  const vm = `[[export]]\ntype = "vhost-user"\nchip = "hub"\nsocket = "${room.join('vm')}"\n`;
  writeFileSync(config, hub + metrics + vm);
  daemon.process.kill('SIGHUP');
  await daemon.waitFor(/metrics_not_served.*metrics cannot be loaded: .* replaced .* restart it/);
  await daemon.waitFor(/export_not_served.*vhost-user cannot be loaded: .* replaced .* restart it/);
  await daemon.waitFor(/event=reloaded/);

  const info = await run(['info', '-c', 'hub'], { GPIOBRIDGE_RUNTIME_DIR: room.join('run') });
  expect(info).toMatchObject({ status: 0, stderr: '' });
  expect(info.stdout).toMatch(/^hub - 32 lines:\n/);
});
