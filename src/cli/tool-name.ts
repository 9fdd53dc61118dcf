/** The names of libgpiod's tools, under which the program may be started, and the subcommands that they are. */
export const TOOL_NAMES: Readonly<Record<string, string>> = {
  gpiodetect: 'detect',
  gpioinfo: 'info',
  gpioget: 'get',
  gpioset: 'set',
  gpiomon: 'mon',
  gpionotify: 'notify',
};

/** Whether the program was started under the name of a tool of libgpiod, and has to be that tool. */
export function isToolName(program: string): boolean {
  return Object.hasOwn(TOOL_NAMES, program);
}

/** Whether a subcommand is a tool of libgpiod, under whatever name it was started. */
export function isToolSubcommand(name: string): boolean {
  return Object.values(TOOL_NAMES).includes(name);
}
