import { afterEach, beforeAll, expect, it } from 'vitest';
import { SimulatedCoprocessor } from '../../firmware-sim/coprocessor.js';
import { VcdFile } from '../../firmware-sim/vcd/vcd-file.js';
import { HandTime } from '../conformance/hand-time.js';
import { built } from '../support/built.js';
import { Chain } from '../support/chain.js';
import { Program } from '../support/program.js';

const EDGES = 63;
/** What is compared: levels at the start of the dump are read, and edges just then may count among them. */
const COMPARED = 50;
const NAMES = ['KEY', 'DOOR-1', '', 'KEY 2'];

beforeAll(built);

let chain: Chain | undefined;
afterEach(() => chain?.stop());

/** The last edges of a dump: their line, level, and time after the first of them, ns. */
function edgesOf(path: string): [line: number, level: number, ns: number][] {
  const { reader, close } = opened(path);
  const lines = new Map(reader.wires.map(({ id }, line) => [id, line]));
  const levels = new Map<string, number>();
  const edges: [number, number, number][] = [];
  for (let change = reader.next(); change !== undefined; change = reader.next()) {
    if (change.level === undefined) continue;
    const before = levels.get(change.id);
    levels.set(change.id, change.level);
    if (before !== undefined && before !== change.level)
      edges.push([lines.get(change.id)!, change.level, change.timeNs]);
  }
  close();
  const compared = edges.slice(-COMPARED);
  const first = compared[0]?.[2] ?? 0;
  return compared.map(([line, level, ns]) => [line, level, ns - first]);
}

function opened(path: string) {
  const file = new VcdFile(path);
  return { reader: file.reader, close: () => file.close() };
}

it('plays again what mon --vcd wrote, with its times and lines', async () => {
  const stimuli = ['toggle:0:20ms', 'bounce:1:100ms:3', 'pulse:2:50ms:1ms', 'toggle:3:70ms'];
  chain = new Chain({
    port: 'unix',
    sim: [
      ...['--lines', '4', '--names', NAMES.join(',')],
      ...stimuli.flatMap((stimulus) => ['--stimulus', stimulus]),
    ],
  });
  await chain.chip();
  const dump = chain.directory.join('out.vcd');
  const args = ['--runtime-dir', chain.runtimeDir, '-c', 'hub', '-n', `${EDGES}`, '--vcd', dump];
  const mon = new Program(['mon', ...args, '0', '1', '2', '3']);
  expect(await mon.exit(20_000), mon.stderr).toBe(0);

  // In mon's output lines are in the order of arrival; in a dump of time.
  const printed = [...mon.stdout.matchAll(/^(\d+)\.(\d{9})\t(rising|falling)\thub (\d)/gm)]
    .map(
      ([, s, ns, edge, line]) =>
        [Number(line), edge === 'rising' ? 1 : 0, BigInt(`${s}${ns}`)] as [number, number, bigint],
    )
    .sort((a, b) => Number(a[2] - b[2]));
  expect(printed).toHaveLength(EDGES);
  const edges = edgesOf(dump);
  const compared = printed.slice(-COMPARED);
  expect(edges).toEqual(compared.map(([line, level, ns]) => [line, level, Number(ns - compared[0]![2])]));

  const time = new HandTime();
  const replay = { kind: 'replay', controller: 1, path: dump } as const;
  const again = new SimulatedCoprocessor({ lines: 4, names: NAMES, stimuli: [replay] }, time);
  time.advance(60_000);
  const last = (line: number) => edges.filter(([of]) => of === line).at(-1)![1];
  expect(NAMES.map((_, line) => again.pin(line).level)).toEqual([last(0), last(1), last(2), last(3)]);
  await again.close();
});
