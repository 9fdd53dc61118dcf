import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import { UsageError } from '../errors.js';
import { notes } from '../options.js';
import { print, printJson } from '../output.js';
import { carryOut } from '../service/carry-out.js';
import { type CommandLine, requireCommands, runCommand } from '../service/commands.js';
import { actionOf, type InstallPlan, makePlan, planText } from '../service/install-plan.js';
import { programPaths } from '../service/program-paths.js';
import { CONFIG_FILE } from '../service/service-files.js';

interface InstallOptions {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly root?: string;
  readonly uninstall?: boolean;
  readonly json?: boolean;
}

export function command(): Command {
  return new Command('install-service')
    .description(
      'Make the daemon a service of systemd, with its user, its udev rules and a first configuration. ' +
        'Shows every file and command, and asks.',
    )
    .option('--dry-run', 'show what would be done, and do nothing')
    .option('-y, --yes', 'do it without asking')
    .option('--root <dir>', 'write the files below this directory, for an image, and run no command')
    .option('--uninstall', 'remove the service and its rules; the configuration and the user stay')
    .option('--json', 'print one JSON object a line; needs --yes or --dry-run')
    .addHelpText('after', notes(FILES_HELP))
    .action(install);
}

const FILES_HELP = `All files are replaced together, and put back together if anything fails. A configuration that is
there is never touched. Changes of your own belong into 'systemctl edit gpiobridge' and
/etc/udev/rules.d/59-gpiobridge-local.rules.`;

async function install(options: InstallOptions): Promise<void> {
  if (options.json && !options.yes && !options.dryRun)
    throw new UsageError('--json needs --yes or --dry-run');
  const root = options.root === undefined ? undefined : checkedRoot(options.root);
  const uninstall = options.uninstall ?? false;
  const plan = makePlan({ uninstall, root, paths: programPaths(), configured: await isConfigured() });
  // Who may not do it need not read what would be done.
  if (!options.dryRun && plan.changes.length > 0) refuseIfImpossible(plan, root);
  await show(plan, options.json ?? false);
  if (plan.changes.length === 0) return;
  if (options.dryRun) {
    if (plan.obstacle !== undefined)
      await print(`gpiobridge install-service: ${plan.obstacle}\n`, process.stderr);
    return;
  }
  if (!options.yes && !(await agreed())) throw new UsageError('nothing was done');
  carryOut(plan, runCommand);
  if (!options.json) await print('Done.\n');
}

function checkedRoot(dir: string): string {
  const root = resolve(dir);
  if (!existsSync(root) || !statSync(root).isDirectory())
    throw new UsageError(`--root: no directory ${root}`);
  return root;
}

function refuseIfImpossible(plan: InstallPlan, root: string | undefined): void {
  if (plan.obstacle !== undefined) throw new UsageError(plan.obstacle);
  if (root !== undefined) return;
  if (process.geteuid?.() !== 0) throw new UsageError('only root may do this: use sudo');
  requireCommands([...plan.before, ...plan.after]);
}

async function agreed(): Promise<boolean> {
  if (!process.stdin.isTTY) throw new UsageError('nobody can be asked here: say --yes, or --dry-run');
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const closed = new Promise<string>((resolve) => {
    terminal.once('close', () => resolve(''));
  });
  try {
    const answer = await Promise.race([terminal.question('Do this? [y/N] '), closed]);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}

/** Whether the daemon would start: a service without a coprocessor would only fail. */
async function isConfigured(): Promise<boolean> {
  const { loadConfig } = await import('../../daemon/config/load-config.js');
  try {
    loadConfig(CONFIG_FILE, CONFIG_FILE, []);
    return true;
  } catch {
    return false;
  }
}

async function show(plan: InstallPlan, json: boolean): Promise<void> {
  if (!json) return print(planText(plan));
  for (const command of plan.before) await printJson(commandObject(command));
  for (const change of plan.changes)
    await printJson({ type: 'file', action: actionOf(change), path: change.path });
  for (const command of plan.after) await printJson(commandObject(command));
  for (const message of plan.notes) await printJson({ type: 'note', message });
}

function commandObject(command: CommandLine): object {
  return { type: 'command', command };
}
