import { cpus } from 'node:os';
import { CELLS, type Cell, SLEEP_CELLS } from './cells.js';
import { broken } from './promise.js';
import { type CellResult, runCell } from './run-cell.js';
import { runSleepCell } from './sleep-cell.js';
import { heading, row } from './table.js';

/** `npm run campaign [-- --edges N] [--seed N] [--only TEXT]`; see docs/campaign.md. */
const USAGE = 'npm run campaign [-- --edges N] [--seed N] [--only TEXT]';
const DEFAULT_EDGES = 10_000_000;
const SHORTEST_S = 6;

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

/** Seconds of a cell, so that all of them together make so many edges. */
function secondsOf(cell: Cell, edges: number): number {
  const unit = edges / CELLS.reduce((sum, { rate, share }) => sum + rate * share, 0);
  return Math.max(SHORTEST_S, unit * cell.share);
}

const { edges, seed, only } = options();
const cells = [...CELLS, ...SLEEP_CELLS].filter(({ link, dialect, name }) =>
  `${link}, ${dialect}: ${name}`.includes(only),
);
const minutes = cells.reduce((sum, cell) => sum + secondsOf(cell, edges) + 4, 0) / 60;
console.log(
  `node ${process.version}, ${cpus().length} x ${cpus()[0]?.model.trim()}; seed ${seed}; ${cells.length} cells, some ${Math.ceil(minutes)} minutes`,
);
console.log(heading());
const results: CellResult[] = [];
let failures = 0;
for (const cell of cells) {
  const failed = (why: string): void => {
    failures++;
    console.log(
      `  BROKEN: ${why}; again with: npm run campaign -- --edges ${edges} --seed ${seed} --only '${cell.link}, ${cell.dialect}: ${cell.name}'`,
    );
  };
  try {
    const seconds = secondsOf(cell, edges);
    const result = await (cell.link === 'memory'
      ? runSleepCell(cell, Math.ceil(seconds * cell.rate), seed)
      : runCell(cell, seconds, seed));
    results.push(result);
    console.log(row(result));
    for (const why of broken(result)) failed(why);
  } catch (error) {
    failed(`${cell.link}, ${cell.dialect}: ${cell.name}: ${error instanceof Error ? error.message : error}`);
  }
}
const total = results.reduce((sum, result) => sum + result.edges, 0);
const delivered = results.reduce((sum, { verdict }) => sum + verdict.delivered, 0);
console.log(
  `${total.toLocaleString('en')} edges happened, ${delivered.toLocaleString('en')} were delivered; ${failures === 0 ? 'the promise was kept' : `${failures} failures`}`,
);
process.exit(failures === 0 ? 0 : 1);
