import { basename } from 'node:path';
import { type Command, CommanderError } from 'commander';
import { BridgeError } from '../base/errors.js';
import { spellOut } from './abbreviations.js';
import { SUBCOMMANDS } from './commands/table.js';
import { errorLines } from './errors.js';
import { print } from './output.js';
import { isToolName, isToolSubcommand, TOOL_NAMES } from './tool-name.js';
import { packageVersion } from './version.js';

const PROGRAM = 'gpiobridge';

/**
 * Runs a command line and returns the exit status: 0, 1 for any error, 2 for a configuration that is
 * not valid. Prints errors as `PROG: message`. May return while the subcommand's handles live on.
 */
export async function run(argv: readonly string[]): Promise<number> {
  const startedAs = basename(argv[1] ?? '');
  if (isToolName(startedAs)) return runSubcommand(TOOL_NAMES[startedAs], argv.slice(2), startedAs);
  const [name, ...rest] = argv.slice(2);
  if (name === undefined) return mainHelp(process.stderr, 1);
  if (name === '-v' || name === '--version') return show(versionLine(), process.stdout, 0);
  if (name === '-h' || name === '--help') return mainHelp(process.stdout, 0);
  if (name === 'help')
    return rest[0] === undefined ? mainHelp(process.stdout, 0) : runSubcommand(rest[0], ['--help']);
  if (name.startsWith('-')) return fail(PROGRAM, `unknown option '${name}'`, `try ${PROGRAM} --help`);
  return runSubcommand(name, rest);
}

/** What messages call the program that this command line starts. */
export function programOf(argv: readonly string[]): string {
  const startedAs = basename(argv[1] ?? '');
  if (isToolName(startedAs)) return startedAs;
  const known = SUBCOMMANDS.some(({ name }) => name === argv[2]);
  return known ? `${PROGRAM} ${argv[2]}` : PROGRAM;
}

/** `program` is what messages call it: `gpiobridge get`, or the tool of libgpiod that it is started as. */
async function runSubcommand(
  name: string,
  args: readonly string[],
  program = `${PROGRAM} ${name}`,
): Promise<number> {
  const entry = SUBCOMMANDS.find((subcommand) => subcommand.name === name);
  if (entry === undefined) return refuseSubcommand(name);
  try {
    const command = (await entry.load()).command();
    prepare(command, program);
    const spelledOut = isToolSubcommand(name) ? spellOut(args, command.options) : args;
    await command.parseAsync([...spelledOut], { from: 'user' });
    return typeof process.exitCode === 'number' ? process.exitCode : 0;
  } catch (thrown) {
    const commanderStatus = exitStatusOfCommander(thrown);
    if (commanderStatus !== undefined) return commanderStatus;
    process.stderr.write(errorLines(program, thrown));
    return thrown instanceof BridgeError && thrown.name === 'CONFIG_INVALID' ? 2 : 1;
  }
}

/** Gives a subcommand what all have in common: its full name, `-v`, `-h`, the form of its errors. */
function prepare(command: Command, program: string): void {
  command
    .name(program)
    .helpOption('-h, --help', 'show this help and exit')
    .option('-v, --version', 'show the version and exit')
    .on('option:version', () => {
      process.stdout.write(versionLine(program));
      throw new CommanderError(0, 'commander.version', '');
    })
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => {
        const message = text
          .trim()
          .replace(/^error: /, '')
          .replaceAll('\n', ' ');
        write(`${program}: ${message}\n${program}: try ${program} --help\n`);
      },
    });
}

/** Commander throws after it has printed help (0) or an error of the command line (1). */
function exitStatusOfCommander(thrown: unknown): number | undefined {
  return thrown instanceof CommanderError ? thrown.exitCode : undefined;
}

async function refuseSubcommand(name: string): Promise<number> {
  const { closest } = await import('./suggest.js');
  const meant = closest(
    name,
    SUBCOMMANDS.map((subcommand) => subcommand.name),
  );
  const hint = meant === undefined ? '' : `; did you mean '${meant}'?`;
  return fail(PROGRAM, `unknown subcommand '${name}'${hint}`, `try ${PROGRAM} --help`);
}

async function show(text: string, stream: NodeJS.WriteStream, status: number): Promise<number> {
  await print(text, stream);
  return status;
}

function fail(program: string, ...messages: string[]): number {
  for (const message of messages) process.stderr.write(`${program}: ${message}\n`);
  return 1;
}

/** `gpiobridge 0.1.0`; as a tool of libgpiod in that tool's form, `gpioget (gpiobridge) v0.1.0`. */
function versionLine(program = PROGRAM): string {
  return isToolName(program)
    ? `${program} (${PROGRAM}) v${packageVersion()}\n`
    : `${PROGRAM} ${packageVersion()}\n`;
}

async function mainHelp(stream: NodeJS.WriteStream, status: number): Promise<number> {
  const { helpText } = await import('./help.js');
  return show(helpText(), stream, status);
}
