import { SUBCOMMANDS } from './commands/table.js';

const EXAMPLES = `Examples:
  gpiobridge demo                                   see it work, without hardware
  gpiobridge daemon --link 'hub=serial:/dev/ttyACM0?baud=921600'
  gpiobridge detect                                 which chips there are
  gpiobridge info                                   their lines
  gpiobridge get DOOR                               read a line by its name
  gpiobridge get -c hub 4 5                         read lines by offset
  gpiobridge set LED=1                              drive a line until Ctrl-C
  gpiobridge mon DOOR BUTTON                        print edges as they happen
  gpiobridge mon --json DOOR | jq .timestamp_ns     the same, for programs
`;

const ENVIRONMENT = `Environment:
  GPIOBRIDGE_RUNTIME_DIR   runtime directory of the daemon (as --runtime-dir)
`;

const WIDEST = Math.max(...SUBCOMMANDS.map(({ name }) => name.length)) + 2;

/** What `gpiobridge --help` prints. */
export function helpText(): string {
  const groups = [...new Set(SUBCOMMANDS.map(({ group }) => group))];
  const sections = groups.map((group) => {
    const members = SUBCOMMANDS.filter((subcommand) => subcommand.group === group);
    return `${group}\n${members.map(({ name, summary }) => `  ${name.padEnd(WIDEST)}${summary}\n`).join('')}`;
  });
  return [
    'Usage: gpiobridge SUBCOMMAND [OPTIONS] [ARGUMENTS]\n',
    'GPIO lines of a coprocessor for Linux programs.\n',
    ...sections,
    'Options:\n  -h, --help     show this help and exit\n  -v, --version  show the version and exit\n',
    EXAMPLES,
    ENVIRONMENT,
    "'gpiobridge SUBCOMMAND --help' tells the options of a subcommand. Exit status: 0, or 1 on any error.\n",
  ].join('\n');
}
