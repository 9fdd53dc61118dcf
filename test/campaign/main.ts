import { cpus } from 'node:os';
import { CELLS, type Cell, lengths, nameOf, SLEEP_CELLS } from './cells.js';
import { broken } from './promise.js';
import { type CellResult, runCell } from './run-cell.js';
import { runSleepCell } from './sleep-cell.js';
import { heading, row } from './table.js';

/** `npm run campaign [-- --edges N] [--seed N] [--only TEXT]`; see docs/campaign.md. */
const USAGE = 'npm run campaign [-- --edges N] [--seed N] [--only TEXT]';
const DEFAULT_EDGES = 10_000_000;
/** Of a cell, to start and to come to rest. */
const AROUND_S = 3;

function options(): { edges: number; seed: number; only: string } {
  const found = { edges: DEFAULT_EDGES, seed: Math.floor(Math.random() * 2 ** 32), only: '' };
  const args = process.argv.slice(2);
  for (let i = 0; i < args.length; i += 2) {
    const [name, value] = [args[i], args[i + 1]];
    if (name === '--only' && value !== undefined) found.only = value;
    else if ((name === '--edges' || name === '--seed') && /^\d+$/.test(value ?? '')) {
      found[name === '--edges' ? 'edges' : 'seed'] = Number(value);
    } else {
      console.error(`campaign: '${args.slice(i).join(' ')}': ${USAGE}`);
      process.exit(1);
    }
  }
  return found;
}

const { edges, seed, only } = options();
/** The same for a cell that runs by itself. */
const seconds = lengths([...CELLS, ...SLEEP_CELLS], edges);
const cells = [...seconds.keys()].filter((cell) => nameOf(cell).includes(only));
const minutes = cells.reduce((sum, cell) => sum + seconds.get(cell)! + AROUND_S, 0) / 60;
const results: CellResult[] = [];
let failures = 0;

async function run(cell: Cell): Promise<void> {
  const failed = (why: string): void => {
    failures++;
    const again = `npm run campaign -- --edges ${edges} --seed ${seed} --only '${nameOf(cell)}'`;
    console.log(`  BROKEN: ${why}; again with: ${again}`);
  };
  const length = seconds.get(cell)!;
  try {
    const result = await (cell.link === 'memory'
      ? runSleepCell(cell, Math.ceil(length * cell.rate), seed)
      : runCell(cell, length, seed));
    results.push(result);
    console.log(row(result));
    for (const why of broken(result)) failed(why);
  } catch (error) {
    failed(`${nameOf(cell)}: ${error instanceof Error ? error.message : error}`);
  }
}

if (cells.length === 0) {
  console.error(`campaign: no cell has '${only}' in its name; the names are:`);
  for (const cell of seconds.keys()) console.error(`  ${nameOf(cell)}`);
  process.exit(1);
}
console.log(
  `node ${process.version}, ${cpus().length} x ${cpus()[0]?.model.trim()}; seed ${seed}; ${cells.length} cells, some ${Math.ceil(minutes)} minutes`,
);
console.log(heading());
for (const cell of cells) await run(cell);

const total = results.reduce((sum, result) => sum + result.edges, 0);
const delivered = results.reduce((sum, { verdict }) => sum + verdict.delivered, 0);
if (only === '' && total < edges) {
  failures++;
  console.log(`  BROKEN: only ${total} of ${edges} edges happened`);
}
console.log(
  `${total.toLocaleString('en')} edges happened, ${delivered.toLocaleString('en')} were delivered; ${failures === 0 ? 'the promise was kept' : `${failures} failures`}`,
);
process.exit(failures === 0 ? 0 : 1);
