import { configDefaults, defineConfig } from 'vitest/config';

const SLOW = '**/*.slow.test.ts';
const ALL = ['src/**/*.test.ts', 'firmware-sim/**/*.test.ts', 'test/**/*.test.ts'];

/** `vitest run` takes all but the slow tests; `vitest run --mode slow` takes only those. */
export default defineConfig(({ mode }) => ({
  test: {
    include: mode === 'slow' ? [SLOW] : ALL,
    exclude: [...configDefaults.exclude, 'dist/**', ...(mode === 'slow' ? [] : [SLOW])],
    pool: 'forks',
    // Much of the time is waited: two at a time. The slow ones measure, and want the machine to themselves.
    maxWorkers: mode === 'slow' ? 1 : 2,
    testTimeout: mode === 'slow' ? 300_000 : 20_000,
    hookTimeout: 20_000,
    passWithNoTests: mode === 'slow',
    reporters: ['default', './test/support/tally-reporter.ts'],
  },
}));
