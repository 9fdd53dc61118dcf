import { CHIP_NAME, noChipName } from '../../api/server/api-server.js';
import { DEFAULT_API_LIMITS } from '../../api/server/limits.js';
import { DEFAULT_SOCKET_MODE } from '../../api/server/socket.js';
import { messageOf } from '../../base/errors.js';
import { Problems } from '../../base/problems.js';
import { TableReader } from '../../base/table-reader.js';
import { TIMEOUTS, type TimeoutName, type Timeouts, timeouts } from '../../base/timeouts.js';
import { parseToml } from '../../base/toml.js';
import { parseLinkUrl } from '../../link/url.js';
import {
  type CoprocessorConfig,
  type DaemonConfig,
  DIALECT_CHOICES,
  LOG_FORMATS,
  LOG_LEVELS,
  ON_RESTART,
} from './config.js';
import { type AccountChecks, anyAccounts, checkPath, readAccess } from './read-access.js';
import { readExports } from './read-exports.js';
import { readPorts } from './read-ports.js';
import { readSynthetics } from './read-synthetic.js';

/** A link given on the command line, `NAME=URL`. */
export interface LinkOption {
  /** Undefined where there was no `=`. */
  readonly name: string | undefined;
  readonly url: string;
}

/** As often as Prometheus asks by default. */
const DEFAULT_METRICS_INTERVAL_MS = 15_000;

/** Longest name of a coprocessor: `.N` may follow in the names of its chips. */
const MAX_COPROCESSOR_NAME = 56;

/**
 * Reads a configuration from TOML (undefined: there is no file) and from links of the command
 * line, which replace or add. Throws {@link ConfigInvalid} with every error. `accounts` says whether
 * users and groups will do.
 */
export function readConfig(
  toml: string | undefined,
  file: string,
  links: readonly LinkOption[],
  accounts: AccountChecks = anyAccounts,
): DaemonConfig {
  const problems = new Problems();
  const root = new TableReader(parseToml(toml ?? '', file, problems), '', problems);
  const log = readLog(root.table('log'));
  const limits = readLimits(root.table('limits'));
  const controlGroup = root.string('control_group', accounts.group);
  const metrics = root.has('metrics') ? readMetrics(root.table('metrics'), accounts) : undefined;
  const limitsOfTime = readTimeouts(root.table('timeouts'));
  const tables = root.tables('coprocessor');
  const configured = readCoprocessors(tables, limitsOfTime, links, accounts);
  const exports = readExports(root.tables('export'), accounts);
  const syntheticTables = root.tables('synthetic');
  root.finish();
  const coprocessors = withLinks(configured, links, limitsOfTime, problems);
  const synthetics = readSynthetics(
    syntheticTables,
    coprocessors.map(({ name }) => name),
    accounts,
  );
  if (tables.length === 0 && links.length === 0) {
    problems.add(
      'coprocessor',
      `none is configured: give --link NAME=URL, or write a [[coprocessor]] into ${file}`,
    );
  }
  problems.throwIfAny();
  return { log, limits, controlGroup, metrics, timeouts: limitsOfTime, coprocessors, synthetics, exports };
}

function readLog(table: TableReader): DaemonConfig['log'] {
  const level = table.oneOf('level', LOG_LEVELS) ?? 'info';
  const format = table.oneOf('format', LOG_FORMATS) ?? 'logfmt';
  table.finish();
  return { level, format };
}

function readLimits(table: TableReader): DaemonConfig['limits'] {
  const limits = {
    clientQueue: table.integer('client_queue_events', 16, 1_048_576) ?? DEFAULT_API_LIMITS.clientQueue,
    connectionsPerSocket:
      table.integer('connections_per_socket', 1, 4_096) ?? DEFAULT_API_LIMITS.connectionsPerSocket,
    requestsPerConnection:
      table.integer('requests_per_connection', 1, 65_536) ?? DEFAULT_API_LIMITS.requestsPerConnection,
  };
  table.finish();
  return limits;
}

function readMetrics(table: TableReader, accounts: AccountChecks): DaemonConfig['metrics'] {
  const metrics = {
    socket: table.string('socket', checkPath),
    access: readAccess(table, accounts),
    file: table.string('file', (path) =>
      path.endsWith('.prom') ? checkPath(path) : `'${path}' must end in .prom: the collector reads no others`,
    ),
    intervalMs: table.integer('interval_ms', 1_000, 3_600_000) ?? DEFAULT_METRICS_INTERVAL_MS,
  };
  if (!table.has('socket') && !table.has('file'))
    table.problem('socket', 'is missing, and so is file: give one');
  for (const key of ['owner', 'group', 'mode']) {
    if (table.has(key) && !table.has('socket')) table.problem(key, 'is of the socket, and there is none');
  }
  if (table.has('interval_ms') && !table.has('file')) {
    table.problem('interval_ms', 'is of the file, and there is none');
  }
  table.finish();
  return metrics;
}

function readTimeouts(table: TableReader): Partial<Timeouts> {
  const changes: Partial<Record<TimeoutName, number>> = {};
  for (const [name, limit] of Object.entries(TIMEOUTS)) {
    const value = table.integer(`${name}_ms`, limit.minMs, limit.maxMs);
    if (value !== undefined) changes[name as TimeoutName] = value;
  }
  table.finish();
  return changes;
}

function readCoprocessors(
  tables: readonly TableReader[],
  limitsOfTime: Partial<Timeouts>,
  links: readonly LinkOption[],
  accounts: AccountChecks,
): CoprocessorConfig[] {
  const names = new Set<string>();
  return tables.flatMap((table) => {
    const name = table.string('name', checkName);
    if (!table.has('name')) table.problem('name', 'is missing');
    if (name !== undefined && names.has(name)) table.problem('name', `'${name}' is there already`);
    if (name !== undefined) names.add(name);
    const replaced = links.some((link) => link.name === name);
    const link = table.string('link', checkLink);
    if (!table.has('link') && !replaced) table.problem('link', 'is missing: it has no default');
    const dialect = table.oneOf('dialect', DIALECT_CHOICES) ?? 'auto';
    const coprocessor = {
      dialect,
      ports: readPorts(table, dialect),
      label: table.string('label', checkLabel),
      onRestart: table.oneOf('on_restart', ON_RESTART) ?? 'restore',
      access: readAccess(table, accounts),
      timeouts: timeouts({ ...limitsOfTime, ...readTimeouts(table.table('timeouts')) }),
    } as const;
    table.finish();
    if (name === undefined || (link === undefined && !replaced)) return [];
    return [{ name, link: link ?? '', ...coprocessor }];
  });
}

/** Links of the command line replace those of the file by name, or add a coprocessor. */
function withLinks(
  configured: readonly CoprocessorConfig[],
  links: readonly LinkOption[],
  limitsOfTime: Partial<Timeouts>,
  problems: Problems,
): CoprocessorConfig[] {
  const all = new Map(configured.map((coprocessor) => [coprocessor.name, coprocessor]));
  const seen = new Set<string>();
  for (const { name, url } of links) {
    if (name === undefined) {
      problems.add(`--link ${url}`, 'it must be NAME=URL');
      continue;
    }
    const twice = seen.has(name) ? `'${name}' is given twice` : undefined;
    for (const problem of [twice, checkName(name), checkLink(url)]) {
      if (problem !== undefined) problems.add(`--link ${name}=${url}`, problem);
    }
    seen.add(name);
    const known = all.get(name);
    all.set(name, known === undefined ? fromLink(name, url, limitsOfTime) : { ...known, link: url });
  }
  return [...all.values()];
}

function fromLink(name: string, url: string, limitsOfTime: Partial<Timeouts>): CoprocessorConfig {
  return {
    name,
    link: url,
    dialect: 'auto',
    ports: [],
    label: undefined,
    onRestart: 'restore',
    access: { owner: undefined, group: undefined, mode: DEFAULT_SOCKET_MODE, key: '--link' },
    timeouts: timeouts(limitsOfTime),
  };
}

function checkName(name: string): string | undefined {
  if (CHIP_NAME.test(name) && name.length <= MAX_COPROCESSOR_NAME) return undefined;
  return noChipName(name, MAX_COPROCESSOR_NAME);
}

function checkLink(url: string): string | undefined {
  try {
    parseLinkUrl(url);
    return undefined;
  } catch (thrown) {
    return messageOf(thrown);
  }
}

function checkLabel(label: string): string | undefined {
  if (/\p{Cc}/u.test(label)) return 'control characters are not accepted';
  return label.length <= 255 ? undefined : 'is longer than 255 characters';
}
