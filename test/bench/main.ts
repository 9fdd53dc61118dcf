import { cpus } from 'node:os';
import { clients } from './clients.js';
import { cost, peer } from './cost.js';
import { latency } from './latency.js';
import { memory } from './memory.js';
import { messages } from './messages.js';
import { pipeline } from './pipeline.js';
import { scale } from './scale.js';
import { startUp } from './start-up.js';
import { synthetic } from './synthetic.js';
import { links, throughput } from './throughput.js';
import { wire } from './wire.js';

/** In the order in which `npm run bench` runs them all; docs/benchmarks.md explains each. */
const BENCHMARKS: Readonly<Record<string, (argument: string | undefined) => Promise<void>>> = {
  throughput: () => throughput(5),
  links: () => links(4),
  cost: () => cost(5),
  peer: () => peer(5),
  pipeline: () => pipeline(),
  clients: () => clients(4),
  synthetic: () => synthetic(3),
  latency: () => latency(2_000),
  'start-up': () => startUp(10),
  messages: () => messages(6),
  scale: () => scale(4),
  wire: () => wire(4),
  memory: (minutes) => memory(Number(minutes ?? 1)),
};
const USAGE = `npm run bench [-- ${Object.keys(BENCHMARKS).join(' | ')}[:MINUTES] ...]`;

const chosen = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(BENCHMARKS);
console.log(`node ${process.version}, ${cpus().length} x ${cpus()[0]?.model.trim()}`);
for (const name of chosen) {
  const [benchmark, argument] = name.split(':');
  const run = BENCHMARKS[benchmark!];
  if (run === undefined) {
    console.error(`bench: '${name}' is no benchmark: ${USAGE}`);
    process.exit(1);
  }
  console.log('');
  await run(argument);
}
process.exit(0);
