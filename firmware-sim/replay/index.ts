/**
 * Traces of `gpiobridge daemon --trace` as coprocessors: for finding a user's fault again, and for
 * tests made of it.
 *
 * @example
 * const plan = await planReplay('/tmp/hub.trace', 'hub');
 * const coprocessor = new ReplayedCoprocessor({ plan, pace: parsePace('fast') });
 * await coprocessor.listen('unix:/tmp/hub.sock');
 * await coprocessor.play();
 */
export { type Pace, parsePace } from './pace.js';
export { planReplay, type ReplayPlan } from './plan.js';
export { type ReplayCounts, ReplayedCoprocessor, type ReplayOptions } from './replayed-coprocessor.js';
