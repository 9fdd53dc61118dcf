import { writeFileSync } from 'node:fs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedCoprocessor } from '../../firmware-sim/index.js';
import { parseStimulus } from '../../firmware-sim/stimulus.js';
import { connect } from '../../src/api/client/connect.js';
import { built } from '../support/built.js';
import { Monitor, PATIENT } from '../support/chain.js';
import { eventually, Program, temporaryDirectory } from '../support/program.js';

const OFFSETS = Array.from({ length: 16 }, (_, offset) => offset);
const TIMES = 5;

beforeAll(built);

describe('a port that goes away and comes back while the firmware runs on', () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  let coprocessor: SimulatedCoprocessor;
  let daemon: Program | undefined;

  beforeEach(() => {
    directory = temporaryDirectory();
    coprocessor = new SimulatedCoprocessor({ stimuli: [parseStimulus('random:0-15:2000')], seed: 1 });
  });

  afterEach(async () => {
    await daemon?.stop();
    await coprocessor.close();
    directory.remove();
  });

  const kinds = [
    { kind: 'socket', listen: 'unix', url: 'unix' },
    { kind: 'pty', listen: 'pty', url: 'serial' },
    { kind: 'message socket', listen: 'seqpacket', url: 'seqpacket' },
  ];
  it.each(kinds)('loses no edge uncounted: $kind', async ({ listen, url }) => {
    const port = directory.join('port');
    let listener = await coprocessor.listen(`${listen}:${port}`);
    const config = directory.join('gb.toml');
    writeFileSync(config, `[[coprocessor]]\nname = "hub"\nlink = "${url}:${port}"\n${PATIENT}`);
    daemon = new Program(['daemon', '--runtime-dir', directory.join('run'), '--config', config]);
    const client = await eventually(
      () => connect({ runtimeDir: directory.join('run') }).catch(() => undefined),
      () => `a daemon to answer\n${daemon!.stderr}`,
    );
    const chip = await eventually(
      () => client.openChip('hub').catch(() => undefined),
      () => `chip hub\n${daemon!.stderr}`,
    );
    const monitor = await Monitor.start(chip, OFFSETS);
    const delivered = () => monitor.ledger.delivered;
    for (let i = 0; i < TIMES; i++) {
      const before = delivered();
      await eventually(() => (delivered() > before + 500 ? true : undefined), 'edges to flow');
      await listener.close();
      listener = await coprocessor.listen(`${listen}:${port}`);
    }
    const last = delivered();
    await eventually(() => (delivered() > last + 500 ? true : undefined), 'edges to flow again');
    const ledger = await monitor.stop();
    const stats = coprocessor.stats();
    expect(ledger.violations).toEqual([]);
    expect(ledger.gaps.filter((gap) => gap.lost === null)).toEqual([]);
    expect(stats.boots).toBe(1);
    expect(stats.bus.resumes).toBeGreaterThanOrEqual(TIMES);
    for (const [offset, line] of ledger.lines) expect(line.accounted).toBe(stats.lines[offset]!.sensed);
    client.close();
  });
});
