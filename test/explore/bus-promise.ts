import { expect } from 'vitest';
import { type BusStep, histories, judgeHistory } from './bus-world.js';

const RELIABLE: readonly BusStep[] = [
  'edge 0',
  'edge 1',
  'time passes',
  'deliver',
  'channel breaks',
  'reboot',
  'driver restarts',
];
const PLAIN: readonly BusStep[] = [...RELIABLE, 'deliver twice', 'lost to the driver', 'lost to the device'];

/** No history of `length` steps loses an edge without a trace, invents, repeats or reorders one, or leaves a level wrong. */
export async function expectKept(delivery: 'reliable' | 'plain', length: number): Promise<void> {
  const steps = delivery === 'reliable' ? RELIABLE : PLAIN;
  let [delivered, lost] = [0, 0];
  for (const history of histories(steps, length)) {
    const { verdict, edges } = await judgeHistory(delivery, history);
    delivered += verdict.delivered;
    lost += verdict.countedLost;
    const restarts = history.includes('reboot');
    expect(
      {
        lostWithoutTrace: verdict.lostWithoutTrace,
        uncounted: restarts ? 0 : verdict.uncounted,
        overcounted: verdict.overcounted,
        unknownLevels: verdict.unknownLevels,
        invented: verdict.invented,
        duplicated: verdict.duplicated,
        outOfOrder: verdict.outOfOrder,
        wrongLevels: verdict.wrongLevels,
        beyondBound: verdict.beyondBound,
        uncoveredRestarts: verdict.uncoveredRestarts,
      },
      `${delivery}: ${history.join(', ')} (${edges} edges)`,
    ).toEqual({
      lostWithoutTrace: 0,
      uncounted: 0,
      overcounted: 0,
      unknownLevels: 0,
      invented: 0,
      duplicated: 0,
      outOfOrder: 0,
      wrongLevels: 0,
      beyondBound: 0,
      uncoveredRestarts: 0,
    });
  }
  expect(delivered).toBeGreaterThan(0);
  // Messages are on their way when channels break: what they brought is counted.
  expect(lost).toBeGreaterThan(0);
}
