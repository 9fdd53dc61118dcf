import { describe, expect, it } from 'vitest';
import { nodeTimers } from '../../src/base/clock.js';
import { BridgeError, ERROR_CODES, type ErrorName } from '../../src/base/errors.js';
import type { Direction, Level } from '../../src/driver/remote-gpio.js';
import type { Chip, LineConfig } from '../../src/gpio/chip.js';
import { ChipDirectory } from '../../src/gpio/chip-directory.js';
import { CoprocessorChip } from '../../src/gpio/coprocessor-chip.js';
import { SyntheticChip } from '../../src/gpio/synthetic/synthetic-chip.js';
import { BOTH, INPUT, OUTPUT } from '../contract/chip.js';
import { hostClock } from '../support/api-bench.js';
import { MemoryRemote } from '../support/memory-remote.js';

/** What users of a synthetic chip are told when something behind it fails. */

const DOWN = "its coprocessor is down; 'gpiobridge status' tells whoever may use the control socket why";
/** Anything of the coprocessor's own chip or its link; it has lines 7 and 8 under other names. */
const SECRET = /hub|SECRET|SET_|GET_|unix:|[78]/;

const ask = (chip: Chip, offset: number, config: LineConfig) =>
  chip.requestLines({ consumer: 'test', offsets: [offset], config });

function chipOver(remote: MemoryRemote, lines: readonly string[]): SyntheticChip {
  const base = { clock: hostClock, timers: nodeTimers };
  const directory = new ChipDirectory();
  directory.add(new CoprocessorChip({ ...base, name: 'hub', remote, startingMs: 1_000 }));
  return new SyntheticChip({ ...base, description: { name: 'door', lines, shared: false }, directory });
}

/** Refuses everything but to give lines back, for as long as it is told to. */
class RefusingRemote extends MemoryRemote {
  refuses = false;

  constructor(private readonly error: BridgeError) {
    super('hub', [...'ABCDEFG', 'SECRET', 'OTHER']);
  }

  override setDirection(line: number, direction: Direction): Promise<void> {
    return this.refuses ? Promise.reject(this.error) : super.setDirection(line, direction);
  }

  override getValue(line: number): Promise<Level> {
    return this.refuses ? Promise.reject(this.error) : super.getValue(line);
  }

  override setValue(line: number, level: Level): Promise<void> {
    return this.refuses ? Promise.reject(this.error) : super.setValue(line, level);
  }
}

describe('errors of a coprocessor', () => {
  /** A chip with two lines, of which the first is that of offset 7 on a controller that refuses everything in this way. */
  function refusing(name: ErrorName) {
    const remote = new RefusingRemote(
      new BridgeError(name, "hub: SET_DIRECTION 1 of line 7 ('SECRET'): unix:/run/secret: in use by pid 812"),
    );
    const chip = chipOver(remote, ['hub:7=lock', 'hub:8=lamp']);
    return { remote, chip };
  }

  it.each(Object.keys(ERROR_CODES) as ErrorName[])('%s names the line as its user knows it', async (name) => {
    const { remote, chip } = refusing(name);
    remote.refuses = false;
    const request = await ask(chip, 0, OUTPUT);
    remote.refuses = true;
    const tries = [
      () => ask(chip, 1, OUTPUT),
      () => request.getValues(),
      () => request.setValues(new Map([[0, 0]])),
      () => request.reconfigure(BOTH),
      () => chip.readLevel(0),
    ];
    for (const attempt of tries) {
      const error = (await attempt().then(
        () => undefined,
        (thrown: unknown) => thrown,
      )) as BridgeError;
      expect(error.name).toBe(name);
      expect(error.message).toMatch(/^line [01] of chip 'door': /);
      expect(error.message).not.toMatch(SECRET);
    }
  });

  it('and that it is down or has no interrupts are told without its name and reason', async () => {
    const remote = new MemoryRemote('hub', ['A']);
    const chip = chipOver(remote, ['hub:0']);
    Object.assign(remote.description, { hasInterrupts: false });
    await expect(ask(chip, 0, BOTH)).rejects.toMatchObject({
      name: 'NOT_SUPPORTED',
      message:
        "the coprocessor of these lines of chip 'door' has no interrupts: its lines cannot report edges",
    });
    remote.state$.next({ kind: 'down', reason: 'unix:/run/secret: in use by pid 812 (minicom)' });
    await expect(ask(chip, 0, INPUT)).rejects.toMatchObject({
      name: 'LINK_DOWN',
      message: `chip 'door' is down: ${DOWN}`,
    });
    expect(chip.state).toEqual({ kind: 'down', reason: DOWN });
    expect(chip.lineInfo(0).unavailable).toBe(DOWN);
    expect(chip.fullState).toMatchObject({ reason: /pid 812/ });
  });
});
