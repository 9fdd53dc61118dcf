import type { BridgeClient, ChipClient } from '../../../src/api/client/types.js';

const OFFSETS = [0, 1, 2, 3];
const INPUT = { direction: 'input', edges: 'both', activeLow: false, eventClock: 'monotonic' } as const;

/**
 * A program that goes on using the lines of a chip whose coprocessor is hostile: whatever fails, it
 * tries again. Returns what stops it.
 */
export function useLines(client: BridgeClient, chip: string): () => Promise<void> {
  let stopped = false;
  const done = (async () => {
    while (!stopped) {
      const opened = await client.openChip(chip).catch(() => undefined);
      if (opened !== undefined) await useOnce(opened, () => stopped).catch(() => {});
      opened?.close();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  return () => {
    stopped = true;
    return done;
  };
}

async function useOnce(chip: ChipClient, isStopped: () => boolean): Promise<void> {
  const request = await chip.requestLines({ consumer: 'user', offsets: OFFSETS, config: INPUT });
  const events = (async () => {
    for await (const _ of request.events());
  })();
  events.catch(() => {});
  for (let i = 0; i < 200 && !isStopped(); i++) {
    await request.getValues().catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await request.release();
  await events;
}
