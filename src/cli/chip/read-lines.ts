import type { BridgeClient } from '../../api/client/types.js';
import { formatLineSpec } from '../../gpio/synthetic/line-spec.js';
import { UsageError } from '../errors.js';
import { locateLines } from '../locate.js';
import { parseAggregatorSyntax } from './aggregator-syntax.js';

/** More than any list of lines has. */
const MAX_INPUT = 65_536;

/**
 * The lines of a new chip: those on the command line, or for a single `-` what standard input has
 * in the kernel aggregator's syntax, where a name is looked for on every chip that may be opened.
 */
export async function readLines(daemon: BridgeClient, lines: readonly string[]): Promise<readonly string[]> {
  if (lines.length === 0) throw new UsageError('at least one GPIO line must be specified');
  if (!lines.includes('-')) return lines;
  if (lines.length > 1)
    throw new UsageError("lines come either from the command line or, with '-', from standard input");
  const found: string[] = [];
  for (const entry of parseAggregatorSyntax(await readInput())) {
    if (entry.kind === 'offsets')
      found.push(...entry.offsets.map((offset) => formatLineSpec(entry.chip, offset)));
    else found.push(formatLineSpec(await chipOf(daemon, entry.name), entry.name));
  }
  return found;
}

/** The kernel finds lines by name wherever they are; where several have it, it takes the first, which nobody can know. */
async function chipOf(daemon: BridgeClient, name: string): Promise<string> {
  const synthetic = new Set((await daemon.synthetic.list()).map((chip) => chip.name));
  const chips: string[] = [];
  for (const chip of await daemon.chips()) {
    if (synthetic.has(chip)) continue;
    const [line] = await locateLines(daemon, [name], { chip, byName: true }).catch(() => []);
    if (line !== undefined) chips.push(line.chip);
  }
  if (chips.length > 1) throw new UsageError(`line '${name}' is not unique: it is on ${chips.join(' and ')}`);
  const [chip] = chips;
  if (chip === undefined) throw new UsageError(`cannot find line '${name}'`);
  return chip;
}

async function readInput(): Promise<string> {
  let text = '';
  for await (const part of process.stdin.setEncoding('utf8')) {
    text += part;
    if (text.length > MAX_INPUT) throw new UsageError(`more than ${MAX_INPUT} characters on standard input`);
  }
  return text;
}
