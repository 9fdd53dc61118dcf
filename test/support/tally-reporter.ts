import type { Reporter, TestModule } from 'vitest/node';

/**
 * Ends a run with one plain line, `N passed, N failed`, for people and scripts that read nothing
 * else. A test file that could not be loaded, an error outside every test and a check that failed
 * before the tests (scripts/check.mjs) each count as one failure.
 */
export default class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) counts[test.result().state] += 1;
      if (module.errors().length > 0) counts.failed += 1;
      for (const suite of module.children.allSuites()) if (suite.errors().length > 0) counts.failed += 1;
    }
    const failedChecks = (process.env.GPIOBRIDGE_FAILED_CHECKS ?? '').split(', ').filter(Boolean);
    for (const check of failedChecks) console.log(`failed before the tests: ${check}`);
    const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
    console.log(
      `${counts.passed} passed, ${counts.failed + counts.pending + failedChecks.length} failed${skipped}`,
    );
  }
}
