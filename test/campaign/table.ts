import { CELLS, nameOf, SLEEP_CELLS } from './cells.js';
import type { CellResult } from './run-cell.js';

interface Column {
  readonly title: string;
  readonly width: number;
  readonly value: (result: CellResult) => string;
}

const count = (value: number): string => value.toLocaleString('en');
const milliseconds = (ns: number): string => (ns / 1e6).toFixed(0);

const COLUMNS: readonly Column[] = [
  { title: 'edges', width: 10, value: ({ edges }) => count(edges) },
  { title: 'delivered', width: 10, value: ({ verdict }) => count(verdict.delivered) },
  {
    title: 'lost,counted',
    width: 13,
    value: ({ verdict, counts }) => (counts ? count(verdict.countedLost) : "can't"),
  },
  { title: 'in gaps', width: 8, value: ({ verdict }) => count(verdict.uncounted) },
  {
    title: 'no trace',
    width: 9,
    value: ({ verdict, counts }) => (counts ? count(verdict.lostWithoutTrace) : '-'),
  },
  { title: 'invented', width: 9, value: ({ verdict }) => count(verdict.invented) },
  { title: 'twice', width: 6, value: ({ verdict }) => count(verdict.duplicated) },
  { title: 'disorder', width: 9, value: ({ verdict }) => count(verdict.outOfOrder) },
  { title: 'wrong level', width: 12, value: ({ verdict }) => count(verdict.wrongLevels) },
  {
    title: 'time err us',
    width: 12,
    value: ({ verdict }) => stamped(verdict.worstErrorNs, verdict.worstBoundNs),
  },
  {
    title: 'bound us',
    width: 9,
    value: ({ verdict }) => stamped(verdict.worstBoundNs, verdict.worstBoundNs),
  },
  { title: 'beyond', width: 7, value: ({ verdict }) => count(verdict.beyondBound) },
  // Which edge an event tells of is only known where edges are counted.
  {
    title: 'wait ms',
    width: 8,
    value: ({ verdict, counts }) => (counts ? milliseconds(verdict.worstWaitNs) : '-'),
  },
  { title: 'back ms', width: 8, value: ({ worstRecoveryMs }) => worstRecoveryMs?.toFixed(0) ?? '-' },
  {
    title: 'MB',
    width: 5,
    value: ({ peakRssBytes }) => (peakRssBytes === 0 ? '-' : (peakRssBytes / 2 ** 20).toFixed(0)),
  },
];

const FIRST = 'link, dialect: what goes wrong';
const NAME_WIDTH = Math.max(FIRST.length, ...[...CELLS, ...SLEEP_CELLS].map((cell) => nameOf(cell).length));

/** The figures' names, over the rows. */
export function heading(): string {
  return `${FIRST.padEnd(NAME_WIDTH)}${COLUMNS.map(({ title, width }) => title.padStart(width)).join('')}`;
}

export function row(result: CellResult): string {
  const cells = COLUMNS.map(({ width, value }) => value(result).padStart(width));
  return `${nameOf(result.cell).padEnd(NAME_WIDTH)}${cells.join('')}`;
}

function stamped(ns: number, boundNs: number): string {
  return boundNs === 0 ? '-' : (ns / 1e3).toFixed(0);
}
