import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { connect } from '../../src/api/client/connect.js';
import type { BridgeClient } from '../../src/api/client/types.js';
import type { SyntheticDescription } from '../../src/gpio/synthetic/description.js';
import { built } from '../support/built.js';
import { Program } from '../support/program.js';

const ROUNDS = 50;
const NAMES = ['door', 'panel', 'fan', 'pump'];

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
  await program.waitFor(/event=ready/);
  return { program, client: await connect({ runtimeDir: join(dir, 'run') }) };
}

/** What there is by name; undefined: no such chip. */
type State = Map<string, string | undefined>;

const textOf = ({ name, lines, mode }: Pick<SyntheticDescription, 'name' | 'lines' | 'mode'>) =>
  JSON.stringify([name, lines, mode]);

/** Makes and deletes chips one after the other until the daemon is gone; says what is under way. */
async function change(
  client: BridgeClient,
  acknowledged: State,
  at: { name: string; next?: string | undefined },
) {
  for (let step = 0; ; step++) {
    const name = NAMES[step % NAMES.length]!;
    const offset = NAMES.indexOf(name) * 8;
    const lines = Array.from({ length: 1 + (step % 7) }, (_, i) => `hub:${offset + i}=line-${step}-${i}`);
    const description = { name, lines, mode: '0640', shared: false };
    at.name = name;
    at.next = acknowledged.get(name) === undefined ? textOf(description) : undefined;
    if (at.next === undefined) await client.synthetic.delete(name);
    else await client.synthetic.make(description, 'persistent');
    acknowledged.set(name, at.next);
  }
}

it(`a daemon killed at any of ${ROUNDS} moments while it keeps chips leaves each as it was or as it was to be`, async () => {
  await built();
  const state: State = new Map();
  let changes = 0;
  let { program, client } = await start();
  for (let round = 0; round < ROUNDS; round++) {
    const under: { name: string; next?: string | undefined } = { name: '' };
    const before = new Map(state);
    const changing = change(client, state, under).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 120));
    program.process.kill('SIGKILL');
    await program.exit();
    await changing;
    client.close();
    changes += [...state].filter(([name, text]) => before.get(name) !== text).length;
    ({ program, client } = await start());
    expect(program.stderr).not.toMatch(/stored_chip_damaged|chip_not_served/);
    const found: State = new Map((await client.synthetic.list()).map((chip) => [chip.name, textOf(chip)]));
    for (const name of NAMES) {
      const possible = name === under.name ? [state.get(name), under.next] : [state.get(name)];
      expect(possible, `round ${round}, chip ${name}`).toContainEqual(found.get(name));
      state.set(name, found.get(name));
    }
  }
  client.close();
  // Otherwise nothing was interrupted.
  expect(changes).toBeGreaterThan(ROUNDS);
});
