import { writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { askControl } from '../../firmware-sim/control-client.js';
import { connect } from '../../src/api/client/connect.js';
import { eventually, type Program, run } from '../support/program.js';
import { usePrograms } from '../support/use-programs.js';

/** Lines that the daemon keeps requested, with daemon and coprocessors as processes. */

const room = usePrograms();

async function started(ready: RegExp, ...args: string[]): Promise<Program> {
  const program = room.start(args);
  await program.waitFor(ready);
  return program;
}

const sim = (name: string) =>
  started(
    /listening on/,
    'sim',
    '--listen',
    `unix:${room.join(name)}`,
    '--control',
    room.join(`${name}.sim`),
  );
const tool = (name: string, ...args: string[]) => run([name, '--runtime-dir', room.join('run'), ...args]);
/** Whether the coprocessor drives the line, and to what. */
const driven = async (line: number): Promise<number | undefined> => {
  const { direction, level } = await askControl(room.join('hub.sim'), { command: 'pin', line });
  return direction === 'output' ? level : undefined;
};

function configure(labelOfRack: string): string {
  const file = room.join('config.toml');
  const coprocessor = (name: string, more = '') =>
    `[[coprocessor]]\nname = "${name}"\nlink = "unix:${room.join(name)}"\n${more}\n`;
  writeFileSync(file, coprocessor('hub') + coprocessor('rack', `label = "${labelOfRack}"`));
  return file;
}

async function chipsUp(count: number): Promise<void> {
  await eventually(async () => {
    const client = await connect({ runtimeDir: room.join('run') });
    const { chips } = await client.status();
    client.close();
    return chips.filter(({ state }) => state === 'up').length === count ? true : undefined;
  }, `${count} chips to be up`);
}

const info = async (line: string) => (await tool('info', '-c', 'hub', line)).stdout;
const HELD = /output consumer="pump" persistent\n$/;

it('persistent lines live through a reload of other parts and a restart of their coprocessor', async () => {
  const [hub] = await Promise.all([sim('hub'), sim('rack')]);
  const daemon = await started(
    /event=ready/,
    'daemon',
    '--runtime-dir',
    room.join('run'),
    '--config',
    configure('one'),
  );
  await chipsUp(2);
  expect(await tool('request', '-C', 'pump', '-c', 'hub', '3=1')).toMatchObject({ status: 0 });
  await tool('request', '-C', 'fan', '-c', 'rack', '2=1');

  configure('two');
  daemon.process.kill('SIGHUP');
  await daemon.waitFor(/event=reloaded/);
  await chipsUp(2);
  expect(await info('3')).toMatch(HELD);
  // Its own part changed: its chip is another one now.
  expect((await tool('info', '-c', 'rack', '2')).stdout).not.toMatch(/persistent/);
  expect(daemon.stderr).not.toMatch(/persistent_line_ended/);

  await hub.stop('SIGKILL');
  await eventually(async () => (/link_down.*/.test(daemon.stderr) ? true : undefined), 'the link to be down');
  expect(await info('3')).toMatch(HELD);
  await sim('hub');
  await eventually(async () => ((await driven(3)) === 1 ? true : undefined), 'the output to be driven again');
  expect(await info('3')).toMatch(HELD);
  expect(await tool('release', '-c', 'hub', '3')).toMatchObject({ status: 0 });
});

it('persistent lines end with the daemon: outputs stay, and the next daemon shows them', async () => {
  await sim('hub');
  const args = ['daemon', '--runtime-dir', room.join('run'), '--link', `hub=unix:${room.join('hub')}`];
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    const daemon = await started(/event=chip_added/, ...args);
    await chipsUp(1);
    expect(await tool('request', '-C', 'pump', '3=1')).toMatchObject({ status: 0 });
    await daemon.stop(signal);
    expect(await driven(3)).toBe(1);
    const next = await started(/event=chip_added/, ...args);
    await chipsUp(1);
    expect(await info('3')).toMatch(/\toutput\n$/);
    expect(await driven(3)).toBe(1);
    await next.stop();
  }
});
