import { configDefaults, defineConfig } from 'vitest/config';
import LongestFirst from './test/support/longest-first.js';

const SLOW = '**/*.slow.test.ts';
const DEEP = '**/*.deep.test.ts';
const ROOT = '**/*.root.test.ts';
/** Only a failure waits so long: several times a step of a test (test/support/limits.ts), which tells more. */
const LIMIT_MS = 240_000;
const EVERYWHERE = ['src/**/*.test.ts', 'firmware-sim/**/*.test.ts', 'test/**/*.test.ts'];
/** Tests of functions and objects, which start no program and leave nothing behind: one process runs many files. */
const INSIDE = [
  'src/**/*.test.ts',
  'firmware-sim/**/*.test.ts',
  'test/{api,architecture,conformance,driver,explore,export,gpio,soak}/**/*.test.ts',
  'test/support/**/!(program).test.ts',
];

/** What `--mode` chooses; much of the time of most tests is waited, so that two run at a time. */
const TIERS: Readonly<Record<string, { include: string[]; workers: number; limitMs: number }>> = {
  /** They measure, and want the machine to themselves. */
  slow: { include: [SLOW], workers: 1, limitMs: 300_000 },
  /** Many cases and histories, which only take long. */
  deep: { include: [DEEP], workers: 2, limitMs: 900_000 },
  /** They make users, and so need root; `npm run test:root` says where they cannot run. */
  root: { include: [ROOT], workers: 1, limitMs: LIMIT_MS },
  /** Each boots a virtual machine; `npm run test:kernel` prepares it. */
  kernel: { include: ['test/kernel/cases/**/*.kernel.ts'], workers: 2, limitMs: 600_000 },
};

/** `vitest run` takes all but the tests of the other tiers; `vitest run --mode slow` takes only those of that one. */
export default defineConfig(({ mode }) => {
  const tier = TIERS[mode];
  const limitMs = tier?.limitMs ?? LIMIT_MS;
  const exclude = [...configDefaults.exclude, 'dist/**'];
  const others = [...exclude, SLOW, DEEP, ROOT];
  return {
    test: {
      ...(tier === undefined
        ? {
            projects: [
              { extends: true, test: { name: 'inside', include: INSIDE, exclude: others, isolate: false } },
              {
                extends: true,
                test: { name: 'programs', include: EVERYWHERE, exclude: [...others, ...INSIDE] },
              },
            ],
          }
        : { include: tier.include, exclude }),
      pool: 'forks',
      maxWorkers: tier?.workers ?? 2,
      sequence: { sequencer: LongestFirst },
      testTimeout: limitMs,
      hookTimeout: Math.max(limitMs, LIMIT_MS),
      passWithNoTests: mode === 'slow',
      reporters: ['default', './test/support/tally-reporter.ts'],
    },
  };
});
