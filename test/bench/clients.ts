import { Chain, Monitor } from '../support/chain.js';
import { costOf } from './process-cost.js';

const COUNTS = [1, 10, 100];
const RATE = 50_000;
const LINES = 100;

/**
 * The API to many clients: each has a connection and lines of its own, all lines together make as
 * many edges a second whatever the number of clients.
 */
export async function clients(seconds: number): Promise<void> {
  console.log(
    `Clients: ${RATE.toLocaleString('en')} edges/s over ${LINES} lines, shared out to so many connections`,
  );
  console.log('    clients    events/s     lost  daemon us   against one');
  let one = Number.NaN;
  for (const count of COUNTS) {
    await measure(count, seconds, (delivered, lost, daemonUs) => {
      if (count === 1) one = daemonUs;
      const cells = [
        [String(count), 11],
        [Math.round(delivered / seconds).toLocaleString('en'), 12],
        [String(lost), 9],
        [daemonUs.toFixed(2), 11],
        [(daemonUs / one).toFixed(2), 14],
      ] as const;
      console.log(cells.map(([text, width]) => text.padStart(width)).join(''));
    });
  }
}

async function measure(
  count: number,
  seconds: number,
  report: (delivered: number, lost: number, daemonUs: number) => void,
): Promise<void> {
  const stimulus = `random:0-${LINES - 1}:${RATE}`;
  const chain = new Chain({ port: 'unix', sim: ['--lines', String(LINES), '--stimulus', stimulus] });
  try {
    const monitors: Monitor[] = [];
    const share = LINES / count;
    for (let i = 0; i < count; i++) {
      // The most lines of one request are 64.
      const offsets = Array.from({ length: share }, (_, offset) => i * share + offset);
      const chip = await chain.chip();
      for (let at = 0; at < offsets.length; at += 64) {
        monitors.push(await Monitor.start(chip, offsets.slice(at, at + 64)));
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const sum = (of: (monitor: Monitor) => number): number => monitors.reduce((all, one) => all + of(one), 0);
    const pid = chain.daemon.process.pid!;
    const [cpu, before, lost] = [
      costOf(pid).cpuSeconds,
      sum((m) => m.ledger.delivered),
      sum((m) => m.ledger.lost),
    ];
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    const delivered = sum((monitor) => monitor.ledger.delivered) - before;
    const daemonUs = ((costOf(pid).cpuSeconds - cpu) * 1e6) / delivered;
    report(delivered, sum((monitor) => monitor.ledger.lost) - lost, daemonUs);
  } finally {
    await chain.stop();
  }
}
