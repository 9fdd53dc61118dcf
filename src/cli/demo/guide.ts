/** What the demo says before the events. */
export interface GuideFacts {
  /** How to call the program in another terminal. */
  readonly program: string;
  /** Everything of this demo is in it. */
  readonly dir: string;
  readonly runtimeDir: string;
  readonly pty: string;
  readonly control: string;
  readonly input: string;
  readonly output: string;
}

/** What runs, and commands to paste into a second terminal. */
export function guideText({ program, dir, runtimeDir, pty, control, input, output }: GuideFacts): string {
  const at = `--runtime-dir ${runtimeDir}`;
  const commands: readonly (readonly [string, string])[] = [
    [`${program} info ${at}`, 'all lines of the chip'],
    [`${program} get ${at} ${input}`, 'read a line'],
    [`${program} set ${at} ${output}=1`, 'drive a line until Ctrl-C'],
    [`${program} pin --control ${control} ${output}`, 'what the coprocessor sees on that pin'],
    [`${program} status ${at}`, 'link, clock, counters'],
  ];
  return `gpiobridge demo: three processes run here.

  coprocessor  a simulated sensor hub, on the pty ${pty}
  daemon       opens that pty as it would a serial port, and serves the chip 'hub'
  monitor      'gpiobridge mon', printing the edges below as they come

In a second terminal (nobody else uses these lines):

${commands.map(([line, what]) => `  # ${what}\n  ${line}\n`).join('')}
Ctrl-C ends everything and removes ${dir}.

TIME (local)                   LINE   EDGE      NAME
`;
}
