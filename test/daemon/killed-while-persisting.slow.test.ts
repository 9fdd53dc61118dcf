import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { connect } from '../../src/api/client/connect.js';
import type { BridgeClient } from '../../src/api/client/types.js';
import type { SyntheticDescription } from '../../src/gpio/synthetic/description.js';
import { built } from '../support/built.js';
import { eventually, Program } from '../support/program.js';

const ROUNDS = 50;
const NAMES = ['door', 'panel', 'fan', 'pump'];
const AT_ONCE = 2;

const dir = mkdtempSync(join(tmpdir(), 'gb-'));
let daemon: Program | undefined;
afterAll(async () => {
  await daemon?.stop('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

async function start(): Promise<{ program: Program; client: BridgeClient }> {
  const at = ['--runtime-dir', join(dir, 'run'), '--state-dir', join(dir, 'state')];
  const program = new Program(['daemon', ...at, '--link', `hub=unix:${join(dir, 'nobody')}`]);
  daemon = program;
  await program.waitFor(/event=ready/, 60_000);
  return { program, client: await connect({ runtimeDir: join(dir, 'run') }) };
}

/** What there is by name; undefined: no such chip. */
type State = Map<string, string | undefined>;

const textOf = ({ name, lines, mode }: Pick<SyntheticDescription, 'name' | 'lines' | 'mode'>) =>
  JSON.stringify([name, lines, mode]);

/** Changes that were acknowledged, and how long the last one took. */
interface Progress {
  changes: number;
  lastMs: number;
}

/**
 * Makes and deletes chips, two at a time, until the daemon is gone. `under` has what is under way:
 * what there is to be of each name when it is done.
 */
async function change(
  client: BridgeClient,
  acknowledged: State,
  under: State,
  done: Progress,
): Promise<void> {
  for (let step = 0; ; step += AT_ONCE) {
    const steps = Array.from({ length: AT_ONCE }, (_, i) => step + i);
    const results = await Promise.allSettled(
      steps.map((each) => changeOne(client, acknowledged, under, done, each)),
    );
    if (results.some(({ status }) => status === 'rejected')) return;
  }
}

async function changeOne(
  client: BridgeClient,
  acknowledged: State,
  under: State,
  done: Progress,
  step: number,
): Promise<void> {
  const began = performance.now();
  const name = NAMES[step % NAMES.length]!;
  const offset = NAMES.indexOf(name) * 8;
  const lines = Array.from({ length: 1 + (step % 7) }, (_, i) => `hub:${offset + i}=line-${step}-${i}`);
  const description = { name, lines, mode: '0640', shared: false };
  const next = acknowledged.get(name) === undefined ? textOf(description) : undefined;
  under.set(name, next);
  if (next === undefined) await client.synthetic.delete(name);
  else await client.synthetic.make(description, 'persistent');
  acknowledged.set(name, next);
  under.delete(name);
  done.changes++;
  done.lastMs = performance.now() - began;
}

/** Modes of all that is in the folder, finished or not. */
function modes(): number[] {
  const folder = join(dir, 'state/chips');
  return readdirSync(folder).map((file) => statSync(join(folder, file)).mode & 0o777);
}

it(`a daemon killed at any of ${ROUNDS} moments while it keeps chips leaves each as it was or as it was to be`, async () => {
  await built();
  const state: State = new Map();
  let changes = 0;
  let { program, client } = await start();
  for (let round = 0; round < ROUNDS; round++) {
    const under: State = new Map();
    const done: Progress = { changes: 0, lastMs: 20 };
    const changing = change(client, state, under, done);
    // Anywhere in any of the first changes, whatever time those take.
    const changesBefore = Math.floor(Math.random() * 8);
    await eventually(() => (done.changes >= changesBefore ? true : undefined), 'chips made and deleted');
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 1.5 * done.lastMs));
    program.process.kill('SIGKILL');
    await program.exit();
    await changing;
    client.close();
    if (existsSync(join(dir, 'state/chips'))) {
      expect(new Set([0o600, ...modes()]), `round ${round}`).toEqual(new Set([0o600]));
    }
    changes += done.changes;
    ({ program, client } = await start());
    expect(program.stderr).not.toMatch(/stored_chip_damaged|chip_not_served/);
    const found: State = new Map((await client.synthetic.list()).map((chip) => [chip.name, textOf(chip)]));
    for (const name of NAMES) {
      const possible = under.has(name) ? [state.get(name), under.get(name)] : [state.get(name)];
      expect(possible, `round ${round}, chip ${name}`).toContainEqual(found.get(name));
      state.set(name, found.get(name));
    }
  }
  client.close();
  // Otherwise nothing was interrupted.
  expect(changes).toBeGreaterThan(ROUNDS);
}, 900_000);
