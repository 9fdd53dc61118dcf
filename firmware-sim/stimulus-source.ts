import type { BridgeError } from '../src/base/errors.js';
import type { BoardLines } from './board-lines.js';
import { BounceSource } from './bounce-source.js';
import { type EdgeSource, PulseSource, RandomSource, ToggleSource } from './edge-sources.js';
import type { SimulatedPins } from './pins.js';
import type { Random } from './random.js';
import type { Stimulus } from './stimulus.js';
import { checkReplay, ReplaySource } from './vcd/replay-source.js';

/** What a source of edges works on. */
export interface SourceContext {
  readonly lines: BoardLines;
  /** By controller, from 0. */
  readonly pins: readonly SimulatedPins[];
  readonly random: Random;
  /** A source came to its end before its time. */
  readonly failed: (error: BridgeError) => void;
}

/** The source that does what a stimulus says from `startNs` of world time on. Throws NOT_FOUND, and as ReplaySource. */
export function sourceOf(stimulus: Stimulus, context: SourceContext, startNs: number): EdgeSource {
  const { lines, random, failed } = context;
  const { controller } = stimulus;
  const pins = context.pins[controller - 1]!;
  if (stimulus.kind === 'replay') {
    return new ReplaySource(stimulus.path, { pins, names: lines.allNames(controller), failed }, startNs);
  }
  if (stimulus.kind === 'random') {
    const first = lines.offset(stimulus.first, controller);
    const count = lines.offset(stimulus.last, controller) - first + 1;
    return new RandomSource(pins, first, count, stimulus.edgesPerSecond, random, startNs);
  }
  const line = lines.offset(stimulus.line, controller);
  switch (stimulus.kind) {
    case 'toggle':
      return new ToggleSource(pins, line, stimulus.periodNs, startNs);
    case 'pulse':
      return new PulseSource(pins, line, stimulus.periodNs, stimulus.widthNs, startNs);
    case 'bounce':
      return new BounceSource(pins, line, stimulus.periodNs, stimulus.edges, random, startNs);
  }
}

/** Throws what {@link sourceOf} would; of a replay the file is read to its end. */
export function checkStimulus(stimulus: Stimulus, lines: BoardLines): void {
  const { controller } = stimulus;
  if (stimulus.kind === 'replay') {
    checkReplay(stimulus.path, lines.allNames(controller));
    return;
  }
  if (stimulus.kind !== 'random') {
    lines.offset(stimulus.line, controller);
    return;
  }
  lines.offset(stimulus.first, controller);
  lines.offset(stimulus.last, controller);
}
