import { messageOf } from '../../base/errors.js';
import { UsageError } from '../errors.js';
import type { CommandLine } from './commands.js';
import { AppliedChanges } from './file-changes.js';
import type { InstallPlan } from './install-plan.js';

/**
 * Does what the plan says. When a file or a command fails, the files are put back as they were and
 * what read them is told so; the error says that nothing is left half done.
 */
export function carryOut(plan: InstallPlan, run: (command: CommandLine) => void): void {
  let applied: AppliedChanges | undefined;
  try {
    for (const command of plan.before) run(command);
    applied = AppliedChanges.apply(plan.changes);
    for (const command of plan.after) run(command);
  } catch (thrown) {
    applied?.undo();
    for (const command of plan.back) runAnyway(command, run);
    throw new UsageError(`${messageOf(thrown)}; every file is again as it was`);
  }
}

function runAnyway(command: CommandLine, run: (command: CommandLine) => void): void {
  try {
    run(command);
  } catch {
    // The first failure is the one to tell of.
  }
}
