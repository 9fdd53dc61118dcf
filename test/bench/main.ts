import { cpus } from 'node:os';
import { cost, peer } from './cost.js';
import { latency } from './latency.js';
import { memory } from './memory.js';
import { messages } from './messages.js';
import { synthetic } from './synthetic.js';
import { throughput } from './throughput.js';

/** `npm run bench [-- NAME...]`: throughput, cost, peer, synthetic, latency, messages, memory (one minute), memory:MINUTES. */
const USAGE =
  'npm run bench [-- throughput | cost | peer | synthetic | latency | messages | memory[:MINUTES] ...]';

const BENCHMARKS: Readonly<Record<string, (argument: string | undefined) => Promise<void>>> = {
  throughput: () => throughput(5),
  cost: () => cost(5),
  peer: () => peer(5),
  synthetic: () => synthetic(3),
  latency: () => latency(2_000),
  messages: () => messages(6),
  memory: (minutes) => memory(Number(minutes ?? 1)),
};

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
