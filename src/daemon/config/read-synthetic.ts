import { CHIP_NAME, noChipName } from '../../api/server/api-server.js';
import { messageOf } from '../../base/errors.js';
import type { TableReader } from '../../base/table-reader.js';
import type { SyntheticDescription } from '../../gpio/synthetic/description.js';
import { parseLineSpecs } from '../../gpio/synthetic/line-spec.js';
import {
  type ClaimedLines,
  claimProblem,
  nameProblem,
  parentProblem,
} from '../synthetic/synthetic-checks.js';
import type { SyntheticConfig } from './config.js';
import { type AccountChecks, readAccess } from './read-access.js';

/**
 * `[[synthetic]]`, also against each other and against the coprocessors: a chip needs a name of its
 * own, lines of chips that can be there, and none that another has to itself.
 */
export function readSynthetics(
  tables: readonly TableReader[],
  coprocessors: readonly string[],
  accounts?: AccountChecks,
): SyntheticConfig[] {
  const configs = tables.map((table) => ({ table, config: readSynthetic(table, accounts) }));
  const names = configs.flatMap(({ config }) => config?.description.name ?? []);
  const claims = new Map<string, ClaimedLines>();
  return configs.flatMap(({ table, config }) => {
    if (config === undefined) return [];
    const { name, shared } = config.description;
    const claim = { name, lines: parseLineSpecs(config.description.lines), shared };
    const nameTaken = claims.has(name) ? `'${name}' is there already` : nameProblem(name, coprocessors);
    if (nameTaken !== undefined) table.problem('name', nameTaken);
    const problem = parentProblem(claim.lines, coprocessors, names) ?? claimProblem(claim, claims.values());
    if (problem !== undefined) table.problem('lines', problem.message);
    claims.set(name, claim);
    return [config];
  });
}

/** One synthetic chip, by itself; undefined where it has no acceptable name or lines. */
export function readSynthetic(table: TableReader, accounts?: AccountChecks): SyntheticConfig | undefined {
  const name = table.string('name', checkName);
  const lines = table.strings('lines');
  const access = readAccess(table, accounts);
  const shared = table.boolean('shared') ?? false;
  table.finish();
  for (const key of ['name', 'lines']) if (!table.has(key)) table.problem(key, 'is missing');
  const linesProblem = table.has('lines') ? problemOf(lines) : '';
  if (linesProblem !== undefined && linesProblem !== '') table.problem('lines', linesProblem);
  if (name === undefined || linesProblem !== undefined) return undefined;
  const { owner, group } = access;
  const description: SyntheticDescription = {
    name,
    lines,
    ...(owner === undefined ? {} : { owner }),
    ...(group === undefined ? {} : { group }),
    ...(table.has('mode') ? { mode: access.mode.toString(8).padStart(4, '0') } : {}),
    shared,
  };
  return { description, access };
}

function problemOf(lines: readonly string[]): string | undefined {
  try {
    parseLineSpecs(lines);
    return undefined;
  } catch (thrown) {
    return messageOf(thrown);
  }
}

function checkName(name: string): string | undefined {
  return CHIP_NAME.test(name) ? undefined : noChipName(name);
}
