import { type OptionDefinition, type SubcommandDefinition, synopsis } from '../definitions.js';
import { escaped, firstParagraph, item, section, subsection, verbatim } from './roff.js';

/** gpiobridge(1), made of the definitions that the command line is read by. */
export function manualPage(version: string, subcommands: readonly SubcommandDefinition[]): string {
  return `${[
    `.\\" Made by 'gpiobridge man'.`,
    `.TH GPIOBRIDGE 1 "" "gpiobridge ${escaped(version)}" "User Commands"`,
    section('NAME', escaped('gpiobridge - GPIO lines of a coprocessor for Linux programs')),
    section('SYNOPSIS', subcommands.map(synopsisLine).join('\n.br\n')),
    section(
      'DESCRIPTION',
      firstParagraph(
        'A coprocessor (sensor hub, real-time core, microcontroller) has GPIO lines. The daemon brings them to Linux programs over a serial line or a socket; the other subcommands use them, as the tools of libgpiod do, under the names of which the program may be started as well.',
      ),
    ),
    section('SUBCOMMANDS', ...subcommands.map(subcommandPart)),
    section(
      'EXIT STATUS',
      item('0', 'It did what was asked.'),
      item('1', 'Any error, told on standard error.'),
      item('2', 'daemon: the configuration is not valid.'),
    ),
    section(
      'ENVIRONMENT',
      item('GPIOBRIDGE_RUNTIME_DIR', 'Runtime directory of the daemon, as --runtime-dir.'),
    ),
    section(
      'FILES',
      item('/etc/gpiobridge/gpiobridge.toml', 'Configuration of the daemon.'),
      item(
        '/run/gpiobridge',
        'Runtime directory of the daemon of the system: chips/NAME and control are its sockets.',
      ),
    ),
    section(
      'SEE ALSO',
      escaped('gpiodetect(1), gpioinfo(1), gpioget(1), gpioset(1), gpiomon(1), gpionotify(1)'),
    ),
  ].join('\n')}\n`;
}

function synopsisLine(subcommand: SubcommandDefinition): string {
  return `.B gpiobridge\n${escaped(synopsis(subcommand))}`;
}

function subcommandPart(subcommand: SubcommandDefinition): string {
  const { name, description, options, notes } = subcommand;
  return subsection(
    name,
    firstParagraph(description),
    ...options.map(({ description: text, ...option }) => item(flags(option), text)),
    ...(notes === '' ? [] : [verbatim(notes)]),
  );
}

function flags({ short, long, value }: Omit<OptionDefinition, 'description'>): string {
  const words = [short, long].filter((word) => word !== undefined).join(', ');
  return value === undefined ? words : `${words} ${value}`;
}
