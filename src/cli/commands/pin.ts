import { Command } from 'commander';
import type { ControlRequest, ControlResults } from '../../../firmware-sim/control-protocol.js';
import { UsageError } from '../errors.js';
import { notes } from '../options.js';
import { print, printJson } from '../output.js';

interface PinOptions {
  readonly control: string;
  readonly reboot?: boolean;
  readonly stats?: boolean;
  readonly json?: boolean;
}

/** A pin to read, or to drive where there is a level. */
interface PinArgument {
  readonly text: string;
  readonly line: number | string;
  readonly controller: number;
  readonly level?: 0 | 1;
}

type Ask = <R extends ControlRequest>(request: R) => Promise<ControlResults[R['command']]>;

export function command(): Command {
  return new Command('pin')
    .description("Read and drive pins of a simulated coprocessor ('gpiobridge sim --control PATH').")
    .argument('[line[=level]...]', 'read a pin, or drive it to 0 or 1')
    .requiredOption('--control <path>', 'control socket of the simulator')
    .option('--reboot', 'restart the firmware: new boot_id, all its state lost')
    .option('--stats', 'print as JSON what became of the edges of each line')
    .option('--json', 'print one JSON object a line')
    .addHelpText('after', notes(HELP, EXIT_HELP))
    .action(run);
}

const HELP = `A pin is named by name or offset, as CONTROLLER:LINE on another controller than 1. Of one pin read the
level is printed, of several LINE=LEVEL on a line each. An output shows what the firmware drives; what is
applied to it from outside shows when it is no output any more. What is asked for is done in the order
pins, --reboot, --stats.`;

const EXIT_HELP = `Exit status: 0, or 1 on any error.`;

async function run(texts: string[], options: PinOptions): Promise<void> {
  const pins = texts.map(parsePin);
  if (pins.length === 0 && !options.reboot && !options.stats) {
    throw new UsageError('nothing to do: name a line, or give --reboot or --stats');
  }
  const { askControl } = await import('../../../firmware-sim/control-client.js');
  const ask: Ask = (request) => askControl(options.control, request);
  for (const pin of pins) await runPin(pin, pins.length > 1, options.json ?? false, ask);
  if (options.reboot) {
    const result = await ask({ command: 'reboot' });
    if (options.json) await printJson({ type: 'reboot', ...result });
  }
  if (options.stats) await printJson(await ask({ command: 'stats' }));
}

async function runPin(pin: PinArgument, several: boolean, json: boolean, ask: Ask): Promise<void> {
  const { text, line, controller, level } = pin;
  const state =
    level === undefined
      ? await ask({ command: 'pin', line, controller })
      : await ask({ command: 'drive', line, controller, level });
  if (json) await printJson({ type: 'pin', ...state });
  else if (level === undefined) await print(several ? `${text}=${state.level}\n` : `${state.level}\n`);
}

function parsePin(text: string): PinArgument {
  const match = /^(?:(\d+):)?([^=]+)(?:=(.*))?$/.exec(text);
  if (match === null) throw new UsageError(`'${text}' is no pin: write LINE, LINE=0 or LINE=1`);
  const [, controller = '1', line, level] = match;
  if (level !== undefined && level !== '0' && level !== '1') {
    throw new UsageError(`'${text}': the level is '${level}', and must be 0 or 1`);
  }
  return {
    text: text.replace(/=.*$/, ''),
    line: /^\d+$/.test(line) ? Number(line) : line,
    controller: Number(controller),
    ...(level === undefined ? {} : { level: level === '1' ? 1 : 0 }),
  };
}
