import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../../src/api/client/connect.js';
import { BridgeError } from '../../src/base/errors.js';
import { ChipStore } from '../../src/daemon/state/chip-store.js';
import type { SyntheticDescription } from '../../src/gpio/synthetic/description.js';
import { apiBench } from '../support/api-bench.js';
import { Program, run, temporaryDirectory } from '../support/program.js';

/** Chips that outlive the daemon, with the daemon as a process. No coprocessor need be there for them. */

let dir: ReturnType<typeof temporaryDirectory>;
let daemon: Program | undefined;

beforeEach(() => {
  dir = temporaryDirectory();
});
afterEach(async () => {
  await daemon?.stop('SIGKILL');
  daemon = undefined;
  dir.remove();
});

const folder = () => dir.join('state/chips');
const args = (...more: string[]) => ['daemon', '--runtime-dir', dir.join('run'), ...more];
const kept = () => ['--state-dir', dir.join('state')];
const hub = () => ['--link', `hub=unix:${dir.join('nobody')}`];
const coprocessor = (name: string) => `[[coprocessor]]\nname = "${name}"\nlink = "unix:/nowhere"\n`;
const chip = (...more: string[]) => run(['chip', '--runtime-dir', dir.join('run'), ...more]);

async function start(...more: string[]): Promise<Program> {
  const program = new Program(args(...more));
  daemon = program;
  await program.waitFor(/event=ready/);
  return program;
}

/** A coprocessor `hub` is configured; `stray`, which an earlier daemon kept, is made of one line. */
async function startWithStray(line: string): Promise<{ program: Program; config: string }> {
  mkdirSync(folder(), { recursive: true, mode: 0o700 });
  const stored = { format: 1, name: 'stray', lines: [line], shared: false };
  writeFileSync(`${folder()}/stray.json`, JSON.stringify(stored));
  const config = dir.join('c.toml');
  writeFileSync(config, coprocessor('hub'));
  return { program: await start(...kept(), '--config', config), config };
}

async function listed() {
  const client = await connect({ runtimeDir: dir.join('run') });
  try {
    return await client.synthetic.list();
  } finally {
    client.close();
  }
}

/** A disk that fails when a file has its name and the folder is to be written out. */
class LateFailure extends ChipStore {
  override async save(description: SyntheticDescription): Promise<void> {
    await super.save(description);
    throw new BridgeError('IO_ERROR', 'the disk is gone');
  }
}

describe('a persistent chip', () => {
  it('comes back as it was with the next daemon, until it is deleted', async () => {
    const first = await start(...kept(), ...hub());
    const made = ['new', 'door', 'hub:3-4', 'hub:LOCK=lock', '--persist', '--mode', '0600', '--shared'];
    expect(await chip(...made)).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(await chip('new', 'passing', 'hub:9')).toMatchObject({ status: 0 });
    expect((await chip('list')).stdout).toMatch(/^door +starting|down +persistent/m);
    expect(statSync(folder()).mode & 0o777).toBe(0o700);
    await first.stop();
    const second = await start(...kept(), ...hub());
    expect(await listed()).toMatchObject([
      {
        name: 'door',
        lines: ['hub:3-4', 'hub:LOCK=lock'],
        mode: '0600',
        shared: true,
        lifetime: 'persistent',
      },
    ]);
    expect(statSync(dir.join('run/chips/door')).mode & 0o777).toBe(0o600);
    expect(await chip('delete', 'door')).toMatchObject({ status: 0 });
    expect(readdirSync(folder())).toEqual([]);
    await second.stop();
    await start(...kept(), ...hub());
    expect(await listed()).toEqual([]);
  });

  it('is refused by name where there is nowhere to keep it', async () => {
    await start(...hub());
    expect(await chip('new', 'door', 'hub:3', '--persist')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/no state directory.*--state-dir/),
    });
    expect(await listed()).toEqual([]);
  });

  it('is not made where it cannot be written', async () => {
    await start(...kept(), ...hub());
    mkdirSync(dir.join('state'));
    writeFileSync(folder(), '');
    expect(await chip('new', 'door', 'hub:3', '--persist')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/cannot be made: .*is not a directory/),
    });
    expect(await listed()).toEqual([]);
    expect(readdirSync(dir.join('run/chips'))).toEqual([]);
  });

  it('whose name the configuration uses too keeps the daemon from starting, with key and file', async () => {
    await start(...kept(), ...hub());
    await chip('new', 'door', 'hub:3', '--persist');
    await daemon!.stop();
    const config = dir.join('c.toml');
    writeFileSync(config, `${coprocessor('hub')}[[synthetic]]\nname = "door"\nlines = ["hub:5"]\n`);
    const ended = await run(args(...kept(), '--config', config));
    expect(ended.status).toBe(2);
    expect(ended.stderr).toContain(
      `synthetic[0].name: 'door' is the name of a persistent chip as well (${folder()}/door.json): `,
    );
    const link = await run(args(...kept(), '--link', 'door=unix:/nowhere'));
    expect([link.status, link.stderr]).toEqual([2, expect.stringMatching(/^.*--link: 'door' is the name/)]);
  });

  it('that cannot be served is told of, and can be deleted', async () => {
    mkdirSync(folder(), { recursive: true, mode: 0o700 });
    const chipOf = (name: string, more: object) =>
      writeFileSync(
        `${folder()}/${name}.json`,
        JSON.stringify({ format: 1, name, lines: ['hub:3'], shared: false, ...more }),
      );
    chipOf('stray', { lines: ['gone:3'] });
    chipOf('whose', { owner: 'no-such-user' });
    writeFileSync(`${folder()}/broken.json`, '{');
    const program = await start(...kept(), ...hub());
    const not = (problem: string) => ({ kind: 'down', reason: `not served: ${problem}` });
    const stray = "there is no chip 'gone', nor a coprocessor of that name";
    expect(await listed()).toMatchObject([
      { name: 'stray', lines: ['gone:3'], lifetime: 'persistent', state: not(stray) },
      { name: 'whose', lines: ['hub:3'], lifetime: 'persistent', owner: 'no-such-user' },
    ]);
    expect((await chip('list')).stdout).toContain(`\n  stray: line 0: not served: ${stray}\n`);
    for (const lifetime of [[], ['--persist']]) {
      expect(await chip('new', 'stray', 'hub:3', ...lifetime)).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(/persistent chip 'stray' is kept .*stray\.json.*delete it first/),
      });
    }
    expect(program.stderr).toMatch(/event=stored_chip_damaged file=\S*broken\.json\.damaged/);
    expect(program.stderr).toMatch(/event=chip_not_served chip=stray .*no chip 'gone'/);
    expect(program.stderr).toMatch(/event=chip_not_served chip=whose .*no user 'no-such-user'/);
    expect(await chip('delete', 'stray')).toMatchObject({ status: 0 });
    expect(await chip('delete', '../broken')).toMatchObject({ status: 1 });
    expect(readdirSync(folder()).sort()).toEqual(['broken.json.damaged', 'whose.json']);
    expect(await chip('new', 'stray', 'hub:4')).toMatchObject({ status: 0 });
    expect((await listed()).map(({ name, lifetime }) => [name, lifetime])).toEqual([
      ['stray', 'daemon'],
      ['whose', 'persistent'],
    ]);
  });

  it('that could not be served is, when a configuration is loaded with which it can be', async () => {
    const { program, config } = await startWithStray('rack:3');
    const isServed = async (): Promise<boolean> => {
      const chips = await listed();
      expect(chips.map(({ name }) => name)).toEqual(['stray']);
      return !JSON.stringify(chips[0]!.state).includes('not served: ');
    };
    expect(await isServed()).toBe(false);
    program.process.kill('SIGHUP');
    await program.waitFor(/event=reloaded coprocessors=hub\n/);
    expect(await isServed()).toBe(false);
    writeFileSync(config, coprocessor('hub') + coprocessor('rack'));
    program.process.kill('SIGHUP');
    await program.waitFor(/event=reloaded coprocessors=hub,rack\n/);
    expect(await isServed()).toBe(true);
    expect(readdirSync(folder())).toEqual(['stray.json']);
    expect(await chip('delete', 'stray')).toMatchObject({ status: 0 });
    expect([await listed(), readdirSync(folder())]).toEqual([[], []]);
    // One that somebody put there since can be deleted, too.
    writeFileSync(`${folder()}/later.json`, '{}');
    expect(await chip('delete', 'later')).toMatchObject({ status: 0 });
    expect(readdirSync(folder())).toEqual([]);
  });

  it('keeps its name from a configuration that is loaded later, served or not', async () => {
    const { program, config } = await startWithStray('gone:3');
    const refused = /event=not_reloaded message="chip 'stray', kept and not served: ([^"]*): delete it first/;
    writeFileSync(config, `${coprocessor('hub')}[[synthetic]]\nname = "stray"\nlines = ["hub:5"]\n`);
    program.process.kill('SIGHUP');
    expect((await program.waitFor(refused))[1]).toBe('is in the configuration as well');
    expect((await listed()).map(({ lifetime }) => lifetime)).toEqual(['persistent']);
    expect(await chip('delete', 'stray')).toMatchObject({ status: 0 });
    program.process.kill('SIGHUP');
    await program.waitFor(/event=reloaded/);
    expect((await listed()).map(({ lifetime }) => lifetime)).toEqual(['configuration']);
  });

  it('that was not kept when its file was there already is not there after the next start', async () => {
    const bench = await apiBench(4, {}, (place) => new LateFailure(place));
    const client = await bench.client();
    const door = { name: 'door', lines: ['hub:1'], shared: false };
    await expect(client.synthetic.make(door, 'persistent')).rejects.toMatchObject({ name: 'IO_ERROR' });
    expect(await client.synthetic.list()).toEqual([]);
    expect(readdirSync(`${bench.layout.dir}/state/chips`)).toEqual([]);
    await bench.close();
  });
});
