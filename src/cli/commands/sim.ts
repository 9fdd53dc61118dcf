import { readFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import type { ControlServer } from '../../../firmware-sim/control-server.js';
import type { CoprocessorOptions } from '../../../firmware-sim/options.js';
import type { ScenarioRun } from '../../../firmware-sim/scenario/run-scenario.js';
import type { Scenario } from '../../../firmware-sim/scenario/scenario.js';
import { whyNotReadable } from '../../base/file-errors.js';
import { errorLines, UsageError } from '../errors.js';
import { notes } from '../options.js';
import { print, printJson } from '../output.js';
import { checkReplayOptions, replay } from '../replay.js';
import { catchEndingSignals, whenAborted } from '../signals.js';

interface SimOptions {
  readonly listen: string;
  readonly dialect: string;
  readonly lines: number;
  readonly controllers: number;
  readonly names?: readonly string[];
  readonly features: string;
  readonly service: readonly string[];
  readonly stimulus: readonly string[];
  readonly fault: readonly string[];
  readonly plain?: boolean;
  readonly baud?: number;
  readonly seed?: number;
  readonly control?: string;
  readonly scenario?: string;
  readonly replay?: string;
  readonly pace?: string;
  readonly coprocessor?: string;
  readonly json?: boolean;
}

export function command(): Command {
  return new Command('sim')
    .description('Simulate a coprocessor with GPIO lines, until Ctrl-C.')
    .requiredOption(
      '--listen <where>',
      'pty:PATH (a link to it), unix:PATH, tcp:HOST:PORT, seqpacket:PATH or vhost-user-rpmsg:PATH',
    )
    .addOption(
      new Option('--service <name>', "of vhost-user-rpmsg: an rpmsg channel's name (repeatable)")
        .default([], 'rpmsg-raw')
        .argParser(append),
    )
    .option('--dialect <name>', 'virtio-msg, rpmsg-gpio, rpmsg-gpio-v14 or srtm', 'virtio-msg')
    .addOption(countOption('--lines <n>', 'lines of each controller', 32))
    .addOption(countOption('--controllers <n>', 'GPIO controllers', 1))
    .option('--names <a,b,...>', 'names of the lines; an empty one is unnamed', (text) => text.split(','))
    .option('--features <list>', "what it has of its dialect; 'all' or 'none'", 'all')
    .addOption(repeatable('--stimulus <spec>', 'edges from the world outside (repeatable)'))
    .addOption(repeatable('--fault <spec>', 'what goes wrong (repeatable)'))
    .option('--plain', 'serial frames without repair, one for each message (PLAIN)')
    .addOption(countOption('--baud <n>', 'make serial links as slow as a line of this rate'))
    .addOption(new Option('--seed <n>', 'of random stimuli and faults').argParser(parseSeed))
    .option('--scenario <file>', 'a TOML file that says when which of these begins and ends')
    .option('--control <path>', "a Unix socket for 'gpiobridge pin'")
    .option('--replay <file>', "play the firmware's half of a trace of 'daemon --trace' instead")
    .option('--pace <pace>', "of a replay: 'fast', or a number; 1, its own, where none is given")
    .option('--coprocessor <name>', 'of a replay: which, where the trace is of several')
    .option('--json', 'print one JSON object a line')
    .addHelpText(
      'after',
      notes(LISTEN_HELP, FEATURES_HELP, STIMULI_HELP, FAULTS_HELP, SCENARIO_HELP, EXIT_HELP),
    )
    .action(simulate);
}

const REMOTE_PROCESSOR = 'vhost-user-rpmsg:';

const LISTEN_HELP = `vhost-user-rpmsg: the socket of a hypervisor's vhost-user device; its guest takes the simulator for a remote
processor with rpmsg channels (docs/simulated-remoteproc.md).`;

const FEATURES_HELP = `Features:
  virtio-msg                    irq, stamp, queue
  rpmsg-gpio                    irq, latch (a masked line remembers one edge)
  rpmsg-gpio-v14                irq, latch, wakeup
  srtm                          irq, latch, wakeup, direction-get, padding; each controller is a port,
                                from 0`;

const STIMULI_HELP = `Stimuli:
  toggle:LINE:PERIOD            the level changes every period
  pulse:LINE:PERIOD:WIDTH       every period it is 1 for the width
  random:FIRST-LAST:RATE        RATE edges a second, at random moments, over these lines
  bounce:LINE:PERIOD:EDGES      every period the level changes as a switch does, in an odd number of
                                edges with random pauses of 50us to 2ms
  replay:FILE.vcd               a Value Change Dump's wires play on the lines of the same names, once
                                (FILE.vcd:CONTROLLER on another controller than 1)
LINE is an offset or a name, CONTROLLER:LINE (or CONTROLLER:FIRST-LAST) on another controller than 1.
Periods are in us, ms or s, as in 250us; rates go up to 1000000.`;

const FAULTS_HELP = `Faults:
  corrupt:P, drop:P             of each byte on the wire, either way, with probability P
  duplicate:P                   of each frame on the wire, either way: it arrives twice
  delay:TIME                    all bytes arrive so much later, either way, in their order
  stall:PERIOD:TIME             every period nothing passes for so long, then all of it
  drift:PPM                     the device's clock gains so many microseconds a second; -PPM loses
  reboot:PERIOD                 the firmware restarts and has lost all its state
  crash:PERIOD:TIME             every period it is gone for so long, its port too, and then starts
and of all dialects but virtio-msg:
  lose:P, repeat:P              of each message, either way, with probability P
  silent:P, refuse:P            of each request: it is not answered, or refused, and not done
  late:TIME                     answers leave so much later; interrupts do not`;

const SCENARIO_HELP = `Scenario:
  duration = "10s"              when it ends; what it began goes on (default: after the last step)
  start = "driver"              its time begins when a driver is up (default: "now")
  [[step]]                      any number of these
  at = "2s"                     when
  every = "1s"                  again after so long; repeat = N: so often in all
  stimulus, fault, drive        as "toggle:DOOR:1s", "delay:5ms", "DOOR=1", or a list of such
  reboot, stop_stimuli, clear_faults = true
  port = "close" or "open"      the cable is pulled, or back
'scenario ended' is printed at its end.`;

const EXIT_HELP = `When 'listening on' is printed everything is ready.
Exit status: 0 after SIGINT, SIGTERM or SIGHUP, with the socket or link removed; 1 on any error;
2 when the scenario is not valid, with every error on a line of its own.`;

async function simulate(options: SimOptions, command: Command): Promise<void> {
  const names = command.options.map((option) => option.attributeName());
  checkReplayOptions(new Set(names.filter((name) => command.getOptionValueSource(name) === 'cli')));
  if (options.replay !== undefined) {
    await replay({ ...options, replay: options.replay });
    return;
  }
  const {
    SimulatedCoprocessor,
    parseDialect,
    parseFault,
    parseFeatures,
    parseStimulus,
    serveControl,
    ...scenarios
  } = await import('../../../firmware-sim/index.js');
  const dialect = parseDialect(options.dialect);
  if (options.service.length > 0 && !options.listen.startsWith(REMOTE_PROCESSOR)) {
    throw new UsageError(`--service is for --listen ${REMOTE_PROCESSOR}PATH`);
  }
  const json = options.json ?? false;
  const settings: CoprocessorOptions = {
    dialect,
    lines: options.lines,
    controllers: options.controllers,
    features: parseFeatures(options.features, dialect),
    stimuli: options.stimulus.map(parseStimulus),
    faults: options.fault.map(parseFault),
    plain: options.plain ?? false,
    ...(options.baud === undefined ? {} : { baud: options.baud }),
    ...(options.service.length === 0 ? {} : { services: options.service }),
    ...(options.names === undefined ? {} : { names: options.names }),
    ...(options.seed === undefined ? {} : { seed: options.seed }),
  };
  const signals = catchEndingSignals();
  const coprocessor = new SimulatedCoprocessor(settings);
  coprocessor.problems$.subscribe((problem) => process.stderr.write(errorLines('gpiobridge sim', problem)));
  let control: ControlServer | undefined;
  let run: ScenarioRun | undefined;
  try {
    // Before anybody can connect.
    const scenario =
      options.scenario === undefined
        ? undefined
        : await readScenario(options.scenario, (toml, file) =>
            scenarios.parseScenario(toml, file, (action) => scenarios.actionProblem(coprocessor, action)),
          );
    if (options.control !== undefined) control = await serveControl(options.control, coprocessor);
    const { name } = await coprocessor.listen(options.listen);
    await announce(json, coprocessor.options.seed, control?.path, name);
    const stopped = whenAborted(signals.aborted);
    if (scenario !== undefined) {
      run = scenarios.runScenario(coprocessor, scenario);
      // A step that cannot be done ends the simulator; the end of the scenario does not.
      await Promise.race([stopped, run.done]);
      if (!signals.aborted.aborted) await announceEnd(json);
    }
    await stopped;
  } finally {
    run?.stop();
    await control?.close();
    await coprocessor.close();
    signals.stop();
  }
}

async function readScenario(
  file: string,
  parse: (toml: string, file: string) => Scenario,
): Promise<Scenario> {
  let toml: string;
  try {
    toml = await readFile(file, 'utf8');
  } catch (thrown) {
    throw new UsageError(`--scenario: ${file}: cannot be read: ${whyNotReadable(thrown)}`);
  }
  return parse(toml, file);
}

/** Scripts wait for the line that says where it listens. */
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

async function announceEnd(json: boolean): Promise<void> {
  if (json) await printJson({ type: 'scenario', state: 'ended' });
  else await print('scenario ended\n');
}

function append(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

function repeatable(flags: string, description: string): Option {
  return new Option(flags, description).default([], 'none').argParser(append);
}

function countOption(flags: string, description: string, fallback?: number): Option {
  const parse = (text: string): number => {
    if (/^\d{1,9}$/.test(text) && Number(text) > 0) return Number(text);
    throw new UsageError(`${flags.split(' ')[0]}: '${text}' is no number from 1`);
  };
  const option = new Option(flags, description).argParser(parse);
  return fallback === undefined ? option : option.default(fallback);
}

function parseSeed(text: string): number {
  if (/^\d{1,10}$/.test(text) && Number(text) <= 0xffff_ffff) return Number(text);
  throw new UsageError(`--seed: '${text}' is no number from 0 to 4294967295`);
}
