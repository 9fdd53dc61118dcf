import { Argument, Command } from 'commander';
import type { SyntheticDescription } from '../../gpio/synthetic/description.js';
import { readLines } from '../chip/read-lines.js';
import { withDaemon } from '../connection.js';
import { UsageError } from '../errors.js';
import { addClientOptions, type ClientOptions, notes } from '../options.js';

interface ChipOptions extends ClientOptions {
  readonly owner?: string;
  readonly group?: string;
  readonly mode?: string;
  readonly shared?: boolean;
  readonly persist?: boolean;
}

const ACTIONS_HELP = `new NAME LINE...             make a chip, until it is deleted or the daemon stops
new NAME -                   the same, lines from standard input as the kernel's gpio-aggregator takes
                             them: [line name] [chip offsets]..., such as 'hub 19 hub2 20-21'
run NAME LINE... -- COMMAND  make a chip for as long as the command runs, however it ends
delete NAME                  end its requests and free its lines
list                         the synthetic chips, what they are made of, and what is wrong with them`;

const LINES_HELP = `A line is CHIP:OFFSET, CHIP:FIRST-LAST or CHIP:NAME of a coprocessor's chip, and all but ranges may get
another name: hub:4=door-sensor. A name is in "" where it looks like an offset or has a '=' in it.
The lines have the offsets 0, 1, 2... of the new chip, in the order written. Nobody can request them
through their own chip as long as the new one is there, unless it was made with --shared.`;

const RUN_HELP = `run passes signals on to the command (those of the terminal's keys reach it anyway), ends with its exit
status or by the signal that ended it, and with 127 or 126 where it could not be run.`;

const ACCESS_HELP = `Needs access to the daemon's control socket.`;

export function command(): Command {
  const chip = new Command('chip')
    .description("Make, list and delete synthetic chips: chips made of lines of coprocessors' chips.")
    .addArgument(new Argument('<action>').choices(['new', 'run', 'delete', 'list']))
    .argument('[name]', 'name of the synthetic chip')
    .argument('[line...]', 'line that it is made of')
    .option('--owner <user>', "user that its socket belongs to (default: the daemon's)")
    .option('--group <group>', "group of its socket (default: the daemon's)")
    .option('--mode <mode>', 'permissions of its socket, octal (default: 0660)')
    .option('--shared', 'leave its lines to others as well: whoever requests one first has it')
    .option('--persist', 'of new: keep the chip over restarts of the daemon, until it is deleted')
    .addHelpText('after', notes(ACTIONS_HELP, LINES_HELP, RUN_HELP, ACCESS_HELP))
    .action(chipAction);
  return addClientOptions(chip);
}

async function chipAction(
  action: string,
  name: string | undefined,
  args: string[],
  options: ChipOptions,
  { rawArgs }: { rawArgs: readonly string[] },
): Promise<void> {
  if (action === 'list') return list(name, options);
  if (name === undefined) throw new UsageError('the name of the chip is missing');
  if (action === 'delete') return remove(name, args, options);
  return action === 'run' ? run(name, args, rawArgs, options) : make(name, args, options);
}

async function list(name: string | undefined, options: ChipOptions): Promise<void> {
  refuseMakingOptions('list', options);
  if (name !== undefined) throw new UsageError(`list takes no argument: '${name}'`);
  const { listChips } = await import('../chip/list-chips.js');
  await withDaemon(options, (daemon) => listChips(daemon, options.json ?? false));
}

async function remove(name: string, args: readonly string[], options: ChipOptions): Promise<void> {
  refuseMakingOptions('delete', options);
  if (args.length > 0) throw new UsageError(`delete takes one name: '${args[0]}' is too much`);
  await withDaemon(options, (daemon) => daemon.synthetic.delete(name));
}

async function make(name: string, args: readonly string[], options: ChipOptions): Promise<void> {
  await withDaemon(options, async (daemon) => {
    const lifetime = options.persist ? 'persistent' : 'daemon';
    await daemon.synthetic.make(describe(name, await readLines(daemon, args), options), lifetime);
  });
}

async function run(
  name: string,
  args: readonly string[],
  raw: readonly string[],
  options: ChipOptions,
): Promise<void> {
  if (options.persist) throw new UsageError('run takes no --persist: its chip goes with the command');
  const { runCommand, splitCommand } = await import('../chip/run-command.js');
  const { lines, command: program } = splitCommand(args, raw);
  await withDaemon(options, async (daemon) => {
    await daemon.synthetic.make(describe(name, await readLines(daemon, lines), options), 'connection');
    const gone = () => daemon.synthetic.delete(name).catch(() => {});
    process.exitCode = await runCommand(program, daemon, gone);
  });
}

function describe(
  name: string,
  lines: readonly string[],
  { owner, group, mode, shared = false }: ChipOptions,
): SyntheticDescription {
  return {
    name,
    lines,
    ...(owner === undefined ? {} : { owner }),
    ...(group === undefined ? {} : { group }),
    ...(mode === undefined ? {} : { mode }),
    shared,
  };
}

function refuseMakingOptions(action: string, { owner, group, mode, shared, persist }: ChipOptions): void {
  const given = Object.entries({ owner, group, mode, shared, persist }).find(
    ([, value]) => value !== undefined,
  );
  if (given !== undefined) throw new UsageError(`${action} takes no --${given[0]}`);
}
