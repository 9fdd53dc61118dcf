import type { ChipClient } from '../../src/api/client/types.js';
import { apiBench } from '../support/api-bench.js';

const LINES = 16;
const OFFSETS = Array.from({ length: LINES }, (_, offset) => offset);
const BATCH = Array.from({ length: 64 }, (_, i) => i % LINES);
const BATCHES = 1_500;
const TURNS = 12;
const BOTH = { direction: 'input', edges: 'both', activeLow: false, eventClock: 'monotonic' } as const;

/**
 * Nanoseconds of CPU of an event from the interrupt to the client, through a chip and through a
 * synthetic chip of its lines: one process, the real API on its socket, batches of one size, one at
 * a time. Nothing here depends on when the machine lets a process run. The least of many turns.
 */
export async function pipelineNs(): Promise<readonly [parent: number, synthetic: number]> {
  const bench = await apiBench(LINES);
  try {
    const client = await bench.client();
    await client.synthetic.make({ name: 'part', lines: [`hub:0-${LINES - 1}`], shared: true });
    const chips = [await client.openChip('hub'), await client.openChip('part')] as const;
    const least: [number, number] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let turn = 0; turn < TURNS; turn++) {
      for (const which of [0, 1, 1, 0] as const) {
        const ns = await eventNs(chips[which], () => bench.remote.sense(BATCH));
        least[which] = Math.min(least[which], ns);
      }
    }
    return least;
  } finally {
    await bench.close();
  }
}

async function eventNs(chip: ChipClient, sense: () => void): Promise<number> {
  const request = await chip.requestLines({ consumer: 'bench', offsets: OFFSETS, config: BOTH });
  const batches = request.events()[Symbol.asyncIterator]();
  const began = process.cpuUsage();
  for (let i = 0; i < BATCHES; i++) {
    sense();
    for (let got = 0; got < BATCH.length; ) {
      const { value, done } = await batches.next();
      if (done === true) throw new Error('the request ended');
      got += value.length;
    }
  }
  const { user, system } = process.cpuUsage(began);
  await request.release();
  return ((user + system) * 1_000) / (BATCHES * BATCH.length);
}
