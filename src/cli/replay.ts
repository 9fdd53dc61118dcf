import { UsageError } from './errors.js';
import { print, printJson } from './output.js';
import { catchEndingSignals, whenAborted } from './signals.js';

/** `sim --replay` and what belongs to it. */
export interface ReplayCommandOptions {
  readonly listen: string;
  readonly replay: string;
  readonly pace?: string;
  readonly coprocessor?: string;
  readonly json?: boolean;
}

/** Options of `sim` that say what a trace says already. */
const OF_SIMULATION = [
  'dialect',
  'lines',
  'controllers',
  'names',
  'features',
  'service',
  'stimulus',
  'fault',
  'plain',
  'baud',
  'seed',
  'scenario',
  'control',
];

/** `given` are the names of the options that were given. Throws {@link UsageError}. */
export function checkReplayOptions(given: ReadonlySet<string>): void {
  if (!given.has('replay')) {
    for (const name of ['pace', 'coprocessor']) {
      if (given.has(name)) throw new UsageError(`--${name} is for --replay`);
    }
    return;
  }
  for (const name of given) {
    if (OF_SIMULATION.includes(name))
      throw new UsageError(`--${name} is not for --replay: the trace says all of it`);
  }
}

/** Plays a trace to whoever connects, then stays as it is at the end of the trace, until a signal. */
export async function replay(options: ReplayCommandOptions): Promise<void> {
  const { parsePace, planReplay, ReplayedCoprocessor } = await import('../../firmware-sim/replay/index.js');
  const pace = parsePace(options.pace ?? '1');
  const plan = await planReplay(options.replay, options.coprocessor);
  const signals = catchEndingSignals();
  const coprocessor = new ReplayedCoprocessor({ plan, pace });
  const { json = false } = options;
  try {
    const { name } = await coprocessor.listen(options.listen);
    const seconds = Number(plan.endNs - plan.startNs) / 1e9;
    if (json) await printJson({ type: 'listening', listen: name, replay: options.replay, seconds });
    else await print(`replaying ${seconds.toFixed(3)} s of '${plan.source.name}'\nlistening on ${name}\n`);
    const ended = whenAborted(signals.aborted);
    const counts = await Promise.race([coprocessor.play(), ended]);
    if (counts !== undefined && !signals.aborted.aborted) {
      if (json) await printJson({ type: 'replayed', ...counts });
      else await print(replayedText(counts));
    }
    await ended;
  } finally {
    await coprocessor.close();
    signals.stop();
  }
}

function replayedText(counts: {
  readonly edges: number;
  readonly edgesSkipped: number;
  readonly boots: number;
  readonly channels: number;
  readonly damagedFrames: number;
}): string {
  const { edges, edgesSkipped, boots, channels, damagedFrames } = counts;
  return (
    `replayed ${edges} edges, ${edgesSkipped} of lines nobody enabled left out, ` +
    `${boots - 1} restarts, ${channels} broken channels, ${damagedFrames} damaged frames\n`
  );
}
