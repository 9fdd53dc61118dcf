import { Command, Option } from 'commander';
import type { CoprocessorOptions, SimulatedFeatures } from '../../../firmware-sim/options.js';
import { UsageError } from '../errors.js';
import { notes } from '../options.js';
import { print, printJson } from '../output.js';
import { catchEndingSignals, whenAborted } from '../signals.js';

interface SimOptions {
  readonly listen: string;
  readonly lines: number;
  readonly controllers: number;
  readonly names?: readonly string[];
  readonly features: SimulatedFeatures;
  readonly stimulus: readonly string[];
  readonly fault: readonly string[];
  readonly seed?: number;
  readonly control?: string;
  readonly json?: boolean;
}

const FEATURE_NAMES = ['irq', 'stamp', 'queue'] as const;
const ALL_FEATURES: SimulatedFeatures = { irq: true, stamp: true, queue: true };

export function command(): Command {
  return new Command('sim')
    .description('Simulate a coprocessor with GPIO lines, until Ctrl-C.')
    .requiredOption('--listen <where>', 'pty:PATH (a link to it), unix:PATH or tcp:HOST:PORT')
    .addOption(countOption('--lines <n>', 'lines of each controller', 32))
    .addOption(countOption('--controllers <n>', 'GPIO controllers', 1))
    .option('--names <a,b,...>', 'names of the lines; an empty one is unnamed', (text) => text.split(','))
    .addOption(
      new Option('--features <list>', "of irq, stamp, queue; 'all' or 'none'")
        .default(ALL_FEATURES, 'all')
        .argParser(parseFeatures),
    )
    .option('--stimulus <spec>', 'edges from the world outside (repeatable)', append, [])
    .option('--fault <spec>', 'what goes wrong (repeatable)', append, [])
    .addOption(new Option('--seed <n>', 'of random stimuli and faults').argParser(parseSeed))
    .option('--control <path>', "a Unix socket for 'gpiobridge pin'")
    .option('--json', 'print one JSON object a line')
    .addHelpText('after', notes(STIMULI_HELP, FAULTS_HELP, EXIT_HELP))
    .action(simulate);
}

const STIMULI_HELP = `Stimuli:
  toggle:LINE:PERIOD            the level changes every period
  pulse:LINE:PERIOD:WIDTH       every period it is 1 for the width
  random:FIRST-LAST:RATE        RATE edges a second, at random moments, over these lines
LINE is an offset or a name, CONTROLLER:LINE (or CONTROLLER:FIRST-LAST) on another controller than 1.
Periods are in us, ms or s, as in 250us; rates go up to 1000000.`;

const FAULTS_HELP = `Faults:
  corrupt:P, drop:P             of each byte on the wire, either way, with probability P
  reboot:PERIOD                 the firmware restarts and has lost all its state`;

const EXIT_HELP = `The last line printed says where it listens: then everything is ready.
Exit status: 0 after SIGINT, SIGTERM or SIGHUP, with the socket or link removed; 1 on any error.`;

async function simulate(options: SimOptions): Promise<void> {
  const { SimulatedCoprocessor, parseFault, parseStimulus, serveControl } = await import(
    '../../../firmware-sim/index.js'
  );
  const settings: CoprocessorOptions = {
    lines: options.lines,
    controllers: options.controllers,
    features: options.features,
    stimuli: options.stimulus.map(parseStimulus),
    faults: options.fault.map(parseFault),
    ...(options.names === undefined ? {} : { names: options.names }),
    ...(options.seed === undefined ? {} : { seed: options.seed }),
  };
  const signals = catchEndingSignals();
  const coprocessor = new SimulatedCoprocessor(settings);
  try {
    const control =
      options.control === undefined ? undefined : await serveControl(options.control, coprocessor);
    try {
      const { name } = await coprocessor.listen(options.listen);
      const { seed } = coprocessor.options;
      await announce(options.json ?? false, seed, control?.path, name);
      await whenAborted(signals.aborted);
    } finally {
      await control?.close();
    }
  } finally {
    await coprocessor.close();
    signals.stop();
  }
}

/** Scripts wait for the line that says where it listens; it is the last. */
async function announce(
  json: boolean,
  seed: number,
  control: string | undefined,
  name: string,
): Promise<void> {
  if (json) {
    await printJson({ type: 'listening', listen: name, seed, ...(control === undefined ? {} : { control }) });
    return;
  }
  await print(`seed ${seed}\n`);
  if (control !== undefined) await print(`control socket ${control}\n`);
  await print(`listening on ${name}\n`);
}

function append(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

function countOption(flags: string, description: string, fallback: number): Option {
  const parse = (text: string): number => {
    if (/^\d{1,9}$/.test(text) && Number(text) > 0) return Number(text);
    throw new UsageError(`${flags.split(' ')[0]}: '${text}' is no number from 1`);
  };
  return new Option(flags, description).default(fallback).argParser(parse);
}

function parseSeed(text: string): number {
  if (/^\d{1,10}$/.test(text) && Number(text) <= 0xffff_ffff) return Number(text);
  throw new UsageError(`--seed: '${text}' is no number from 0 to 4294967295`);
}

function parseFeatures(text: string): SimulatedFeatures {
  if (text === 'all') return ALL_FEATURES;
  const named = text === 'none' ? [] : text.split(',');
  for (const name of named) {
    if (!(FEATURE_NAMES as readonly string[]).includes(name)) {
      throw new UsageError(
        `--features: no feature '${name}': there are irq, stamp and queue, or all, or none`,
      );
    }
  }
  return { irq: named.includes('irq'), stamp: named.includes('stamp'), queue: named.includes('queue') };
}
