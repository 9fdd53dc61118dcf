import type { BridgeClient, SyntheticStatus } from '../../api/client/types.js';
import { print, printJson } from '../output.js';
import { table } from '../text-table.js';
import { lineProblems } from './line-problems.js';

/** `chip list`: a line for each chip, and what is wrong with its lines. */
export async function listChips(daemon: BridgeClient, json: boolean): Promise<void> {
  const chips = await daemon.synthetic.list();
  const rows: (readonly string[])[] = [
    ['CHIP', 'STATE', 'LIVES', 'OWNER', 'GROUP', 'MODE', 'SHARED', 'LINES'],
  ];
  const problems: string[] = [];
  for (const chip of chips) {
    const lines = await daemon.synthetic.lines(chip.name).catch(() => []);
    if (json) await printJson({ type: 'synthetic', ...chipObject(chip), madeOf: lines });
    rows.push(rowOf(chip));
    problems.push(...lineProblems(lines).map((problem) => `  ${chip.name}: ${problem}\n`));
  }
  if (!json && chips.length > 0) await print(`${table(rows)}${problems.join('')}`);
}

function chipObject({ name, lines, owner, group, mode, shared, lifetime, state }: SyntheticStatus): object {
  return {
    name,
    lines,
    owner: owner ?? null,
    group: group ?? null,
    mode: mode ?? null,
    shared,
    lifetime,
    state: state.kind,
    reason: state.kind === 'down' ? state.reason : null,
  };
}

const LIVES: Readonly<Record<SyntheticStatus['lifetime'], string>> = {
  configuration: 'configured',
  daemon: 'until deleted',
  connection: 'with its maker',
  persistent: 'persistent',
};

function rowOf({ name, lines, owner, group, mode, shared, lifetime, state }: SyntheticStatus): string[] {
  const access = [owner ?? '-', group ?? '-', mode ?? '-'];
  return [name, state.kind, LIVES[lifetime], ...access, shared ? 'yes' : 'no', lines.join(' ')];
}
