import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../errors.js';
import { SYSUSERS_FILE, UNIT } from './service-files.js';

/** A command with its arguments. */
export type CommandLine = readonly [string, ...string[]];

/** How long one command may take: starting the service is the longest, and limited by its unit. */
const COMMAND_MS = 120_000;

const RELOAD_UDEV: CommandLine = ['udevadm', 'control', '--reload'];
const RELOAD_UNITS: CommandLine = ['systemctl', 'daemon-reload'];

/** What makes the installed files take effect; `start` where there is something to serve. */
export function commandsAfterInstall(start: boolean): CommandLine[] {
  return [
    ['systemd-sysusers', SYSUSERS_FILE],
    RELOAD_UDEV,
    ['udevadm', 'trigger', '--action=change', '--subsystem-match=tty', '--subsystem-match=rpmsg'],
    RELOAD_UNITS,
    ...(start ? ([['systemctl', 'restart', UNIT]] satisfies CommandLine[]) : []),
  ];
}

export const STOP_SERVICE: CommandLine = ['systemctl', 'stop', UNIT];
export const START_SERVICE: CommandLine = ['systemctl', 'start', UNIT];

/** Makes the removal of files take effect. */
export const COMMANDS_AFTER_REMOVAL: readonly CommandLine[] = [RELOAD_UDEV, RELOAD_UNITS];

/** Throws where systemd does not run this machine, or one of the commands is missing. */
export function requireCommands(commands: readonly CommandLine[]): void {
  if (!existsSync('/run/systemd/system')) {
    throw new UsageError('systemd does not run this machine; with --root / only the files are written');
  }
  for (const [name] of commands) {
    if (!isInstalled(name)) throw new UsageError(`there is no command '${name}' on this machine`);
  }
}

/** Throws with the command and the last line of what it said. */
export function runCommand(command: CommandLine): void {
  const [name, ...args] = command;
  try {
    execFileSync(name, args, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8', timeout: COMMAND_MS });
  } catch (thrown) {
    const { status, stderr, code } = thrown as { status?: number; stderr?: string; code?: string };
    const said = (stderr ?? '').trim().split('\n').at(-1) ?? '';
    const why = said === '' ? (code ?? `exit status ${status}`) : said;
    throw new UsageError(`'${command.join(' ')}' failed: ${why}`);
  }
}

function isInstalled(name: string): boolean {
  return (process.env.PATH ?? '').split(':').some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
