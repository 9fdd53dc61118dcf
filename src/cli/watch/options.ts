import { type Command, Option } from 'commander';
import type { EdgeSelection } from '../../events/edge-event.js';
import { UsageError } from '../errors.js';
import { periodOption } from '../options.js';

/** Ways of `mon` to watch lines, beside printing edges. */
export interface WatchOptions {
  /** A file, or `-`. */
  readonly vcd?: string;
  readonly wave?: boolean;
  /** Microseconds. */
  readonly waveSpan?: number;
  readonly ascii?: boolean;
}

/** What else was asked for, as far as it matters here. */
interface Besides {
  readonly edges: EdgeSelection;
  readonly json?: boolean;
  readonly banner?: boolean;
  readonly initialState?: boolean;
  readonly format?: string;
}

export const DEFAULT_SPAN_US = 10_000_000;
const LONGEST_SPAN_US = 86_400_000_000;
const SHORTEST_SPAN_US = 10;

export function addWatchOptions(command: Command): Command {
  return command
    .option('--vcd <file>', 'write a Value Change Dump, too; - is standard output, instead of edges')
    .option('--wave', 'draw waveforms instead of printing edges')
    .addOption(periodOption('--wave-span <period>', 'time that the waveforms show (default: 10s)'))
    .addOption(new Option('--ascii', 'draw with ASCII whatever the locale'));
}

/** Throws {@link UsageError} where these cannot be had together. */
export function checkWatchOptions(options: WatchOptions & Besides): void {
  const { vcd, wave, waveSpan, ascii, edges } = options;
  if (!wave && waveSpan !== undefined) throw new UsageError('--wave-span is for --wave');
  if (!wave && ascii) throw new UsageError('--ascii is for --wave');
  if (waveSpan !== undefined && (waveSpan < SHORTEST_SPAN_US || waveSpan > LONGEST_SPAN_US))
    throw new UsageError('--wave-span is out of range: give a period from 10us to 1440m');
  if (vcd === undefined && !wave) return;
  const watching = wave ? '--wave' : '--vcd';
  if (edges !== 'both')
    throw new UsageError(
      `${watching} shows levels, which ${edges} edges alone do not tell: leave out --edges`,
    );
  if (!wave && vcd !== '-') return;
  const taker = wave ? '--wave' : '--vcd -';
  const other = otherPrinter(options);
  if (other !== undefined) throw new UsageError(`${taker} takes standard output: leave out ${other}`);
}

function otherPrinter({ wave, vcd, json, banner, initialState, format }: WatchOptions & Besides) {
  if (wave && vcd === '-') return '--vcd -';
  if (json) return '--json';
  if (banner) return '--banner';
  if (initialState) return '--initial-state';
  return format === undefined ? undefined : '--format';
}
