import type { TableReader } from '../../base/table-reader.js';
import type { PortLayout } from '../../driver/message-gpio/layout.js';
import { DIALECT_LIMITS, type DialectLimits } from '../../driver/message-gpio/limits.js';
import type { DialectChoice } from './config.js';

/**
 * The lines of firmware that does not describe them: `ngpio`, `names` and `wakeup` of the
 * coprocessor, or of each of its `ports`. None where nothing is said, which `auto` may do without.
 */
export function readPorts(table: TableReader, dialect: DialectChoice): readonly PortLayout[] {
  const limits = limitsOf(dialect);
  const several = table.tables('ports');
  const own = readLayout(table, limits, dialect, undefined);
  if (limits === undefined) {
    for (const key of ['ngpio', 'names', 'wakeup', 'ports']) {
      if (table.has(key)) table.problem(key, `dialect '${dialect}' has no use for it: ${NO_USE[key]}`);
    }
    return [];
  }
  if (!table.has('ports')) return own === undefined ? needed(table, dialect) : [own];
  for (const key of ['ngpio', 'names', 'wakeup']) {
    if (table.has(key)) table.problem(key, 'is of one port, and there are ports: say it in each of them');
  }
  if (limits.port === 0) table.problem('ports', `dialect '${dialect}' has none: give ngpio and names`);
  else if (several.length === 0) table.problem('ports', 'is empty');
  return readEach(several, limits, dialect);
}

const NO_USE: Readonly<Record<string, string>> = {
  ngpio: 'the firmware says how many lines it has',
  names: 'the firmware names its lines',
  ports: 'the firmware lists its controllers',
  wakeup: 'it cannot wake the system up; rpmsg-gpio-v14 and srtm can',
};

function readEach(
  tables: readonly TableReader[],
  limits: DialectLimits,
  dialect: DialectChoice,
): readonly PortLayout[] {
  const seen = new Set<number>();
  return tables.flatMap((table) => {
    const number = table.integer('number', 0, limits.port);
    if (!table.has('number')) table.problem('number', 'is missing: the number of the port in its messages');
    if (number !== undefined && seen.has(number)) table.problem('number', `port ${number} is there already`);
    if (number !== undefined) seen.add(number);
    if (!table.has('ngpio')) table.problem('ngpio', 'is missing: the number of lines');
    const layout = readLayout(table, limits, dialect, number);
    table.finish();
    return layout === undefined ? [] : [layout];
  });
}

function readLayout(
  table: TableReader,
  limits: DialectLimits | undefined,
  dialect: DialectChoice,
  port = 0,
): PortLayout | undefined {
  const most = limits?.lines ?? Number.MAX_SAFE_INTEGER;
  const lineCount = table.integer('ngpio', 1, most);
  const names = table.strings('names', checkName);
  const wakeup = table.list('wakeup');
  if (limits !== undefined) checkTwice(table, names);
  if (lineCount === undefined) {
    for (const key of ['names', 'wakeup']) {
      if (limits !== undefined && table.has(key) && !table.has('ngpio') && !table.has('ports')) {
        table.problem(key, 'needs ngpio, the number of lines');
      }
    }
    return undefined;
  }
  if (limits === undefined) return undefined;
  checkNames(table, names, lineCount);
  if (wakeup.length > 0 && !limits.wakeup) table.problem('wakeup', `dialect '${dialect}' ${CANNOT_WAKE}`);
  return { port, lineCount, names, wakeup: wakeupLines(table, wakeup, names, lineCount) };
}

const CANNOT_WAKE = 'cannot wake the system up; rpmsg-gpio-v14 and srtm can';

function checkNames(table: TableReader, names: readonly string[], lineCount: number): void {
  if (names.length > lineCount) {
    table.problem('names', `${names.length} names for ${lineCount} lines; "" leaves a line without`);
  }
}

function checkTwice(table: TableReader, names: readonly string[]): void {
  const twice = names.find((name, i) => name !== '' && names.indexOf(name) < i);
  if (twice !== undefined) table.problem('names', `'${twice}' is there twice`);
}

/** By offset or by name. */
function wakeupLines(
  table: TableReader,
  wanted: readonly unknown[],
  names: readonly string[],
  lineCount: number,
): ReadonlySet<number> {
  const lines = new Set<number>();
  for (const entry of wanted) {
    const line = typeof entry === 'string' && entry !== '' ? names.indexOf(entry) : entry;
    if (typeof line === 'number' && Number.isInteger(line) && line >= 0 && line < lineCount) lines.add(line);
    else table.problem('wakeup', `${JSON.stringify(entry)} is no line: give offsets below ngpio, or names`);
  }
  return lines;
}

/** Such firmware cannot be asked; with `auto` it may not be needed. */
function needed(table: TableReader, dialect: DialectChoice): readonly PortLayout[] {
  if (dialect === 'auto' || table.has('ngpio')) return [];
  const ports = dialect === 'srtm' ? ' (or ports)' : '';
  table.problem(
    'ngpio',
    `is missing${ports}: firmware that speaks '${dialect}' does not say how many lines it has`,
  );
  return [];
}

/** Undefined: the firmware describes itself. With `auto` it is not known yet: whatever any has room for. */
function limitsOf(dialect: DialectChoice): DialectLimits | undefined {
  if (dialect === 'virtio-msg') return undefined;
  return dialect === 'auto' ? { lines: 1024, port: 255, wakeup: true } : DIALECT_LIMITS[dialect];
}

/** As virtio-gpio's: printable ASCII. */
function checkName(name: string): string | undefined {
  if (/^[\x20-\x7e]{0,63}$/.test(name)) return undefined;
  return `'${name}' is no name of a line: use up to 63 printable ASCII characters`;
}
