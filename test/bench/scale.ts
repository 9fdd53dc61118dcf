import { Chain, Monitor } from '../support/chain.js';
import { costOf } from './process-cost.js';

const RATE = 20_000;
/** Lines that are monitored, and connections that they are shared out to. */
const SIZES: readonly (readonly [lines: number, clients: number])[] = [
  [16, 1],
  [256, 1],
  [1_024, 16],
  [4_096, 1],
  [4_096, 100],
];
const MOST_LINES = 64;

/** Memory and CPU time of the daemon against the number of lines that are monitored, at one rate of edges. */
export async function scale(seconds: number): Promise<void> {
  console.log(`Scale: ${RATE.toLocaleString('en')} edges/s over all lines, ${seconds} s each`);
  console.log('      lines   clients    events/s     lost  daemon us  against 16 lines  daemon RSS  ratio');
  let first = Number.NaN;
  let firstRss = Number.NaN;
  for (const [lines, clients] of SIZES) {
    const stimulus = `random:0-${lines - 1}:${RATE}`;
    const chain = new Chain({ port: 'unix', sim: ['--lines', String(lines), '--stimulus', stimulus] });
    try {
      const monitors = await monitorAll(chain, lines, clients);
      await sleep(2_000);
      const sum = (of: (monitor: Monitor) => number): number =>
        monitors.reduce((all, one) => all + of(one), 0);
      const pid = chain.daemon.process.pid!;
      const [cpu, before, lost] = [
        costOf(pid).cpuSeconds,
        sum((m) => m.ledger.delivered),
        sum((m) => m.ledger.lost),
      ];
      await sleep(seconds * 1000);
      const delivered = sum((monitor) => monitor.ledger.delivered) - before;
      const after = costOf(pid);
      const us = ((after.cpuSeconds - cpu) * 1e6) / delivered;
      if (Number.isNaN(first)) [first, firstRss] = [us, after.rssBytes];
      const cells = [
        [String(lines), 11],
        [String(clients), 10],
        [Math.round(delivered / seconds).toLocaleString('en'), 12],
        [String(sum((monitor) => monitor.ledger.lost) - lost), 9],
        [us.toFixed(2), 11],
        [(us / first).toFixed(2), 18],
        [`${(after.rssBytes / 2 ** 20).toFixed(0)} MB`, 12],
        [(after.rssBytes / firstRss).toFixed(2), 7],
      ] as const;
      console.log(cells.map(([text, width]) => text.padStart(width)).join(''));
    } finally {
      await chain.stop();
    }
  }
}

async function monitorAll(chain: Chain, lines: number, clients: number): Promise<Monitor[]> {
  const monitors: Monitor[] = [];
  const chips = [];
  for (let i = 0; i < clients; i++) chips.push(await chain.chip());
  const share = Math.min(MOST_LINES, Math.floor(lines / clients));
  for (let first = 0, i = 0; first < lines; first += share, i++) {
    const offsets = Array.from({ length: Math.min(share, lines - first) }, (_, offset) => first + offset);
    monitors.push(await Monitor.start(chips[i % clients]!, offsets));
  }
  return monitors;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
