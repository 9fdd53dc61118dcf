import type { Command } from 'commander';
import { SUBCOMMANDS } from './commands/table.js';

/** An option of a subcommand, as its own definition says. */
export interface OptionDefinition {
  /** `-c`; undefined: it has none. */
  readonly short: string | undefined;
  /** `--chip` */
  readonly long: string | undefined;
  /** What stands for its value in the help: `chip`; undefined: it takes none. */
  readonly value: string | undefined;
  readonly choices: readonly string[] | undefined;
  readonly description: string;
}

export interface ArgumentDefinition {
  readonly name: string;
  readonly choices: readonly string[] | undefined;
  readonly required: boolean;
  readonly variadic: boolean;
}

/** A subcommand as it tells of itself with `--help`. */
export interface SubcommandDefinition {
  readonly name: string;
  readonly group: string;
  readonly summary: string;
  readonly description: string;
  readonly arguments: readonly ArgumentDefinition[];
  readonly options: readonly OptionDefinition[];
  /** What follows the options in the help. */
  readonly notes: string;
}

const COMMON: readonly OptionDefinition[] = [
  {
    short: '-h',
    long: '--help',
    value: undefined,
    choices: undefined,
    description: 'show this help and exit',
  },
  {
    short: '-v',
    long: '--version',
    value: undefined,
    choices: undefined,
    description: 'show the version and exit',
  },
];

/** Every subcommand, from the definitions that its command line is read by. Hidden options are left out. */
export function subcommandDefinitions(): Promise<SubcommandDefinition[]> {
  return Promise.all(
    SUBCOMMANDS.map(async ({ name, group, summary, load }) => {
      const command = (await load()).command();
      return {
        name,
        group,
        summary,
        description: command.description(),
        arguments: command.registeredArguments.map((argument) => ({
          name: argument.name(),
          choices: argument.argChoices,
          required: argument.required,
          variadic: argument.variadic,
        })),
        options: [...optionsOf(command), ...COMMON],
        notes: notesOf(command),
      };
    }),
  );
}

/** `get [OPTIONS] [line...]` */
export function synopsis({ name, arguments: args }: SubcommandDefinition): string {
  const words = args.map(({ name: argument, required, variadic }) => {
    const text = `${argument}${variadic ? '...' : ''}`;
    return required ? `<${text}>` : `[${text}]`;
  });
  return [name, '[OPTIONS]', ...words].join(' ');
}

function optionsOf(command: Command): OptionDefinition[] {
  return command.options
    .filter(({ hidden }) => !hidden)
    .map(({ short, long, flags, argChoices, description }) => ({
      short,
      long,
      value: /[<[](.+?)(?:\.\.\.)?[>\]]/.exec(flags)?.[1],
      choices: argChoices,
      description,
    }));
}

/** Commander keeps what comes after the options to itself until it prints help. */
function notesOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return text.slice(command.helpInformation().length).trim();
}
