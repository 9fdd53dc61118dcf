import { expect } from 'vitest';
import { flatness } from './flat.js';

/**
 * Environment of a program whose resident memory is watched. With the heap that V8 takes by itself, garbage of tens
 * of megabytes is left lying before the first collection of everything, and what a leak adds cannot be told from it.
 * What is alive has to fit into this heap as well, or the program ends.
 */
export const SMALL_HEAP = { NODE_OPTIONS: '--max-semi-space-size=1 --max-old-space-size=64' } as const;

/** Throws when resident memory has grown by more than `growth` (bytes) since the program was warm. */
export function expectFlat(rssBytes: readonly number[], growth: number): void {
  const { early, late, allowed } = flatness('resident memory', rssBytes, { part: 0, more: growth });
  const series = rssBytes.map((bytes) => (bytes / 1e6).toFixed(0)).join(' ');
  expect(late, `bytes of resident memory, ${early} when it was warm; MB: ${series}`).toBeLessThanOrEqual(
    allowed,
  );
}
