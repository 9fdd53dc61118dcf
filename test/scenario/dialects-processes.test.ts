import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { askControl } from '../../firmware-sim/control-client.js';
import type { MessageDialect } from '../../src/driver/dialect.js';
import { built } from '../support/built.js';
import { Chain, type ChainOptions, Monitor } from '../support/chain.js';
import { eventually, Program, run, temporaryDirectory } from '../support/program.js';

const DIALECTS: readonly MessageDialect[] = ['rpmsg-gpio', 'rpmsg-gpio-v14', 'srtm'];
const LINES = Array.from({ length: 32 }, (_, line) => line);

let chain: Chain | undefined;
beforeAll(built);
afterEach(async () => {
  await chain?.stop();
  chain = undefined;
});

function start(dialect: MessageDialect, port: ChainOptions['port'], lines: string, ...sim: string[]): Chain {
  chain = new Chain({ port, sim: ['--dialect', dialect, ...sim], config: lines });
  return chain;
}

const at = () => ['--runtime-dir', chain!.runtimeDir];
const drive = (line: number, level: 0 | 1, controller = 1) =>
  askControl(chain!.control, { command: 'drive', line, level, controller });

describe.each(
  DIALECTS.flatMap((dialect) =>
    (['seqpacket', 'pty'] as const).map((port): [MessageDialect, ChainOptions['port']] => [dialect, port]),
  ),
)('gpiobridge with firmware that speaks %s, over %s', (dialect, port) => {
  it('serves its lines by the names of the configuration, and senses 32 of them at once', async () => {
    const canWake = dialect !== 'rpmsg-gpio';
    const wakeup = canWake ? 'wakeup = ["DOOR"]' : '';
    start(dialect, port, `dialect = "${dialect}"\nngpio = 32\nnames = ["DOOR", "LAMP"]\n${wakeup}`);
    const chip = await chain!.chip();
    expect((await run(['info', ...at(), 'DOOR', 'LAMP'])).stdout).toMatch(
      /hub 0\s+"DOOR"[\s\S]*hub 1\s+"LAMP"/,
    );
    await drive(0, 1);
    expect((await run(['get', ...at(), 'DOOR'])).stdout).toBe('"DOOR"=active\n');
    const holder = new Program(['set', ...at(), '--banner', 'LAMP=1']);
    await holder.waitFor(/Setting/);
    expect(await askControl(chain!.control, { command: 'pin', line: 1 })).toMatchObject({
      direction: 'output',
      level: 1,
    });
    await holder.stop();

    const monitor = await Monitor.start(chip, LINES);
    const pin = async (line: number) => (await askControl(chain!.control, { command: 'pin', line })).wakeup;
    expect([await pin(0), await pin(1)]).toEqual(canWake ? [true, false] : [undefined, undefined]);
    for (const line of LINES) await drive(line, line === 0 ? 0 : 1);
    await eventually(
      () => (monitor.ledger.delivered === 32 ? true : undefined),
      () => `32 edges, not ${monitor.ledger.delivered}, and ${monitor.ledger.gaps.length} gaps`,
    );
    const ledger = await monitor.stop();
    expect(ledger.violations).toEqual([]);
    for (const [, line] of ledger.lines) expect(line.delivered).toBe(1);
    const status = await (await chain!.client()).status();
    expect(status.coprocessors[0]).toMatchObject({ dialect, linkState: 'up', chips: ['hub'] });
  });
});

describe('gpiobridge with two ports on one srtm channel', () => {
  it('makes a chip of each', async () => {
    const ports = [0, 1].map((port) => `[[coprocessor.ports]]\nnumber = ${port}\nngpio = 4`).join('\n');
    start('srtm', 'seqpacket', `dialect = "srtm"\n${ports}`, '--controllers', '2', '--lines', '4');
    await chain!.chip('hub.0');
    await chain!.chip('hub.1');
    await drive(2, 1, 2);
    expect((await run(['get', ...at(), '-c', 'hub.0', '2'])).stdout).toBe('"2"=inactive\n');
    expect((await run(['get', ...at(), '-c', 'hub.1', '2'])).stdout).toBe('"2"=active\n');
    const mon = new Program(['mon', ...at(), '-c', 'hub.1', '--banner', '-n1', '2']);
    await mon.waitFor(/Monitoring/);
    await drive(2, 0, 2);
    expect(await mon.exit()).toBe(0);
    expect(mon.stdout).toMatch(/falling\s+hub\.1 2/);
  });
});

describe('gpiobridge probe', () => {
  it.each(DIALECTS)('finds firmware that speaks %s over a PLAIN serial line', async (dialect) => {
    const directory = temporaryDirectory();
    const listen = ['--listen', `pty:${directory.join('port')}`];
    const sim = new Program(['sim', ...listen, '--plain', '--dialect', dialect]);
    try {
      await sim.waitFor(/listening on/);
      const { stdout } = await run(['probe', `serial:${directory.join('port')}`]);
      expect(stdout).toContain(`firmware answered in dialect ${dialect}\n  link        PLAIN`);
    } finally {
      await sim.stop();
      directory.remove();
    }
  });
});

describe('gpiobridge without a word of the dialect', () => {
  it.each(DIALECTS)('finds %s, and says so', async (dialect) => {
    start(dialect, 'seqpacket', 'ngpio = 8', '--lines', '8');
    const chip = await chain!.chip();
    const monitor = await Monitor.start(chip, [0]);
    await drive(0, 1);
    await eventually(() => (monitor.ledger.delivered === 1 ? true : undefined), 'an edge');
    await monitor.stop();
    expect((await run(['status', ...at()])).stdout).toContain(dialect);
  });
});
