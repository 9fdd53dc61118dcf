/**
 * How long one step of a test may take before it fails and says what it saw instead. Only a failure
 * ever waits so long; a machine that is starved of processor time must never reach it. A test has
 * several times as long (vitest.config.ts), so that the step is what speaks up.
 */
export const STEP_MS = 60_000;
