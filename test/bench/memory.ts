import { Chain, Monitor } from '../support/chain.js';
import { costOf } from './process-cost.js';

const RATE = 150_000;
const OFFSETS = Array.from({ length: 16 }, (_, offset) => offset);

/** The daemon's resident memory at full rate: one figure every half minute. */
export async function memory(minutes: number): Promise<void> {
  console.log(`Memory of the daemon at ${RATE.toLocaleString('en')} edges/s, ${minutes} min`);
  const chain = new Chain({ port: 'unix', sim: ['--stimulus', `random:0-15:${RATE}`] });
  try {
    const monitor = await Monitor.start(await chain.chip(), OFFSETS);
    let peak = 0;
    let first = Number.NaN;
    for (let seconds = 1; seconds <= minutes * 60; seconds++) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const { rssBytes } = costOf(chain.daemon.process.pid!);
      peak = Math.max(peak, rssBytes);
      if (seconds % 30 !== 0) continue;
      if (Number.isNaN(first)) first = rssBytes;
      const { delivered, lost } = monitor.ledger;
      const mb = (rssBytes / 2 ** 20).toFixed(0);
      console.log(
        `  ${String(seconds).padStart(5)} s  ${mb.padStart(5)} MB  ratio ${(rssBytes / first).toFixed(2)}  delivered ${delivered}  lost ${lost}`,
      );
    }
    const ledger = await monitor.stop();
    console.log(`  peak ${(peak / 2 ** 20).toFixed(0)} MB, violations ${ledger.violations.length}`);
  } finally {
    await chain.stop();
  }
}
