import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  COMMANDS_AFTER_REMOVAL,
  type CommandLine,
  commandsAfterInstall,
  START_SERVICE,
  STOP_SERVICE,
} from './commands.js';
import { changesFor, type FileChange } from './file-changes.js';
import { lineDiff } from './line-diff.js';
import { type ProgramPaths, whyNotAService, withinRoot } from './program-paths.js';
import { CONFIG_FILE, serviceFiles, UNIT, UNIT_FILE } from './service-files.js';

export interface PlanOptions {
  readonly uninstall: boolean;
  /** Where the files go: `/`, or an image; then no command is run. */
  readonly root: string | undefined;
  readonly paths: ProgramPaths;
  /** Whether the configuration has something to serve. */
  readonly configured: boolean;
}

/** All that will be done, in this order: commands before, files, commands after. */
export interface InstallPlan {
  readonly before: readonly CommandLine[];
  readonly changes: readonly FileChange[];
  readonly after: readonly CommandLine[];
  /** What makes the old files take effect again, should anything fail. */
  readonly back: readonly CommandLine[];
  /** What the reader has to know or do. */
  readonly notes: readonly string[];
  /** Why it would not work; undefined: it will. */
  readonly obstacle: string | undefined;
}

/** Looks at the machine and decides; changes nothing. Throws where something is in the way. */
export function makePlan(options: PlanOptions): InstallPlan {
  const { uninstall, root, paths, configured } = options;
  const place = root ?? '/';
  const files = serviceFiles(withinRoot(paths, place), join(paths.packageDir, 'share'));
  const changes = changesFor(files, place, !uninstall);
  const plan = {
    changes,
    notes: notesOf(options),
    obstacle: root === undefined && !uninstall ? whyNotAService(paths) : undefined,
  };
  if (root !== undefined || changes.length === 0) return { ...plan, before: [], after: [], back: [] };
  const wasThere = existsSync(UNIT_FILE);
  return {
    ...plan,
    before: uninstall && wasThere ? [STOP_SERVICE] : [],
    after: uninstall ? COMMANDS_AFTER_REMOVAL : commandsAfterInstall(configured),
    back: [...COMMANDS_AFTER_REMOVAL, ...(wasThere && configured ? [START_SERVICE] : [])],
  };
}

function notesOf({ uninstall, root, configured }: PlanOptions): string[] {
  if (uninstall) return [`${join(root ?? '/', CONFIG_FILE)} and the user gpiobridge are left as they are`];
  if (configured || root !== undefined) return [];
  return [`${CONFIG_FILE} has nothing to serve yet: ${THEN_START}`];
}

const THEN_START = `write a [[coprocessor]] into it, then 'systemctl start ${UNIT}'`;

/** The plan for a reader: every file with what changes in it, every command. */
export function planText({ before, changes, after, notes }: InstallPlan): string {
  if (changes.length === 0) return 'Everything is as it should be already.\n';
  return [...before.map(commandText), ...changes.map(changeText), ...after.map(commandText), ...notes]
    .map((part) => `${part}\n`)
    .join('');
}

function commandText(command: CommandLine): string {
  return `run     ${command.join(' ')}`;
}

function changeText(change: FileChange): string {
  const { path, before, after } = change;
  const lines = lineDiff(textOf(before), textOf(after)).map((line) => `        ${line}`.trimEnd());
  return [`${actionOf(change).padEnd(8)}${path}`, ...lines].join('\n');
}

/** `create`, `change` or `remove`. */
export function actionOf({ before, after }: FileChange): string {
  if (before === undefined) return 'create';
  return after === undefined ? 'remove' : 'change';
}

function textOf(content: FileChange['before']): string {
  if (content === undefined) return '';
  return 'linkTo' in content ? `link to ${content.linkTo}\n` : content.text;
}
