import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChipStore } from './chip-store.js';
import { readStoredChip, storedChipText } from './stored-chip.js';

const DOOR = {
  name: 'door',
  lines: ['hub:3-5', 'hub:LOCK=lock'],
  owner: 'door',
  mode: '0600',
  shared: false,
};
const PANEL = { name: 'panel.2', lines: ['hub:7'], group: '40', shared: true };

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'gb-state-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const open = () => new ChipStore({ dir: join(dir, 'state'), source: 'test' });
const folder = () => join(dir, 'state/chips');
const names = () =>
  open()
    .load()
    .chips.map(({ description }) => description.name);

describe('ChipStore', () => {
  it('keeps chips for the next daemon, and forgets them', async () => {
    const store = open();
    expect(store.load()).toEqual({ chips: [], damaged: [] });
    await Promise.all([store.save(PANEL), store.save(DOOR)]);
    expect(open().load()).toEqual({
      chips: [
        { description: DOOR, file: join(folder(), 'door.json') },
        { description: PANEL, file: join(folder(), 'panel.2.json') },
      ],
      damaged: [],
    });
    await Promise.all([store.remove('door'), store.remove('absent')]);
    expect(names()).toEqual(['panel.2']);
    expect([store.has('door'), store.has('panel.2')]).toEqual([false, true]);
  });

  it('removes what a write that was cut short left, and puts damage aside', async () => {
    const store = open();
    await store.save(DOOR);
    await store.save(PANEL);
    writeFileSync(join(folder(), '.door.json.new'), '{"for');
    writeFileSync(
      join(folder(), 'panel.2.json'),
      readFileSync(join(folder(), 'panel.2.json'), 'utf8').slice(0, -9),
    );
    const { chips, damaged } = open().load();
    expect(chips.map(({ description }) => description)).toEqual([DOOR]);
    expect(damaged).toEqual([
      {
        file: join(folder(), 'panel.2.json.damaged'),
        problem: expect.stringMatching(/^not a stored chip: /),
      },
    ]);
    expect(readdirSync(folder())).toEqual(['door.json', 'panel.2.json.damaged']);
    expect(open().load().damaged).toEqual([]);
  });

  it('leaves a file alone that cannot be read: it may be whole', async () => {
    await open().save(DOOR);
    mkdirSync(join(folder(), 'panel.2.json'));
    expect(() => open().load()).toThrow(
      expect.objectContaining({ name: 'IO_ERROR', message: expect.stringContaining('panel.2.json') }),
    );
    expect(readdirSync(folder())).toEqual(['door.json', 'panel.2.json']);
  });

  it('writes files that the next daemon can read, whatever the umask is at that moment', async () => {
    const store = open();
    await store.save(PANEL);
    const saving = store.save(DOOR);
    const before = process.umask(0o777);
    await saving.finally(() => process.umask(before));
    expect(readdirSync(folder()).map((file) => statSync(join(folder(), file)).mode & 0o777)).toEqual([
      0o600, 0o600,
    ]);
  });

  it('takes nothing from a folder that others can write to', async () => {
    await open().save(DOOR);
    chmodSync(folder(), 0o770);
    expect(() => open().load()).toThrow(/has mode 0770/);
  });

  it('refuses to keep anything without a place, or where it cannot write', async () => {
    const none = new ChipStore(undefined);
    expect(none.load()).toEqual({ chips: [], damaged: [] });
    await expect(none.save(DOOR)).rejects.toMatchObject({ name: 'NOT_SUPPORTED', message: /--state-dir/ });
    mkdirSync(join(dir, 'state'));
    writeFileSync(folder(), 'in the way');
    await expect(open().save(DOOR)).rejects.toMatchObject({ name: 'IO_ERROR', message: /cannot be written/ });
  });
});

describe('a stored chip', () => {
  it('is taken whole or not at all: cut anywhere, it is refused', () => {
    const text = storedChipText(DOOR);
    expect(readStoredChip(text, 'door')).toEqual(DOOR);
    for (let length = 0; length < text.trimEnd().length; length++) {
      expect(() => readStoredChip(text.slice(0, length), 'door'), `${length}`).toThrow(/not a stored chip/);
    }
  });

  it('is refused where a field is not what it has to be', () => {
    const whole = JSON.parse(storedChipText(DOOR)) as Record<string, unknown>;
    const bad = [
      { format: 2 },
      { name: 'other' },
      { lines: [] },
      { lines: ['hub'] },
      { lines: 'hub:3' },
      { shared: 'no' },
      { owner: 5 },
      { mode: 'rw' },
      { more: 1 },
    ];
    for (const change of bad) {
      const text = JSON.stringify({ ...whole, ...change });
      expect(() => readStoredChip(text, 'door'), text).toThrow();
    }
    expect(() => readStoredChip(JSON.stringify({ ...whole, name: '../x' }), '../x')).toThrow();
  });

  it('never makes reading throw anything but INVALID_ARGUMENT', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          readStoredChip(text, 'door');
        } catch (thrown) {
          expect(thrown).toMatchObject({ name: 'INVALID_ARGUMENT' });
        }
      }),
    );
  });
});
