import type { BridgeClient, ChipClient, ChipInfo } from '../api/client/types.js';
import { MAX_LINES_PER_REQUEST } from '../gpio/chip.js';
import { isNamed, openNamedChip } from './connection.js';
import { ManyErrors, UsageError } from './errors.js';
import {
  type ChipLines,
  matchesOf,
  type ResolvedLine,
  type ResolveOptions,
  resolveLines,
} from './line-resolver.js';
import type { LineOptions } from './options.js';

/** A line that was found, with its own name and the connection to its chip. */
export interface LocatedLine extends ResolvedLine {
  /** Undefined: unnamed. */
  readonly name: string | undefined;
  readonly client: ChipClient;
}

/** Lines of one chip out of those that were located, in the order they were named. */
export interface ChipGroup {
  readonly client: ChipClient;
  readonly lines: readonly LocatedLine[];
}

/** The chips a command looks at: the one that was named, else all in the order of their names. */
export async function openChips(daemon: BridgeClient, chipId: string | undefined): Promise<ChipClient[]> {
  if (chipId !== undefined) return [await openNamedChip(daemon, chipId)];
  const chips: ChipClient[] = [];
  for (const name of await daemon.chips()) {
    try {
      chips.push(await daemon.openChip(name));
    } catch (thrown) {
      // Chips of other users do not hide the caller's own; one that has just gone is not there.
      if (!isNamed(thrown, 'PERMISSION_DENIED') && !isNamed(thrown, 'NOT_FOUND')) throw thrown;
    }
  }
  return chips;
}

/** Finds the lines that the user named. Throws with libgpiod's messages where it cannot. */
export async function locateLines(
  daemon: BridgeClient,
  ids: readonly string[],
  options: LineOptions,
): Promise<LocatedLine[]> {
  const clients = await openChips(daemon, options.chip);
  const resolveOptions = resolveOptionsOf(options, clients.length === 1);
  const known: ChipLines[] = [];
  const infos: ChipInfo[] = [];
  for (const client of clients) {
    const info = await client.info();
    infos.push(info);
    known.push(await chipLines(client, info, ids, resolveOptions.strict));
    const done = ids.every((id) => matchesOf(id, known, resolveOptions).length > 0);
    if (done && !resolveOptions.strict) break;
  }
  try {
    const lines = resolveLines(ids, known, resolveOptions);
    return await Promise.all(lines.map((line) => locatedLine(line, clients, known)));
  } catch (thrown) {
    throw withStates(thrown, infos, infos.length === 0 ? await whyNoChips(daemon) : undefined);
  }
}

async function locatedLine(
  line: ResolvedLine,
  clients: readonly ChipClient[],
  known: readonly ChipLines[],
): Promise<LocatedLine> {
  const client = clients.find(({ name }) => name === line.chip) as ChipClient;
  const byName = known.some(
    (chip) => chip.name === line.chip && chip.offsetsOf(line.id).includes(line.offset),
  );
  return { ...line, client, name: byName ? line.id : (await client.lineInfo(line.offset)).name };
}

export function resolveOptionsOf(options: LineOptions, onlyChip: boolean): ResolveOptions {
  return {
    chipId: options.chip,
    strict: options.strict ?? false,
    byName: options.byName ?? false,
    onlyChip,
  };
}

/** Lines by chip, chips in the order in which they were first named. */
export function groupByChip(lines: readonly LocatedLine[]): ChipGroup[] {
  const clients = [...new Set(lines.map(({ client }) => client))];
  return clients.map((client) => ({ client, lines: lines.filter((line) => line.client === client) }));
}

/** {@link groupByChip} for requests. Throws, before anything is changed, where one chip's are too many. */
export function groupForRequests(lines: readonly LocatedLine[]): ChipGroup[] {
  const groups = groupByChip(lines);
  if (groups.some((group) => group.lines.length > MAX_LINES_PER_REQUEST))
    throw new UsageError(`too many lines given: at most ${MAX_LINES_PER_REQUEST} of one chip`);
  return groups;
}

/** Asks a chip for what finding these ids needs: single names, or all of them when strict. */
async function chipLines(
  client: ChipClient,
  info: ChipInfo,
  ids: readonly string[],
  strict: boolean,
): Promise<ChipLines> {
  const offsets = new Map<string, number[]>();
  if (strict) {
    for (const { name, offset } of await client.lines()) {
      if (name !== undefined) offsets.set(name, [...(offsets.get(name) ?? []), offset]);
    }
  } else {
    for (const id of new Set(ids)) {
      const offset = await client.findLine(id);
      if (offset !== undefined) offsets.set(id, [offset]);
    }
  }
  return { name: info.name, lineCount: info.lines, offsetsOf: (name) => offsets.get(name) ?? [] };
}

/** A line may be missing because its coprocessor is: says so after what was not found. */
function withStates(thrown: unknown, infos: readonly ChipInfo[], whyNone: string | undefined): unknown {
  const without = infos.filter(({ lines }) => lines === 0).map(chipStateMessage);
  const absent = whyNone === undefined ? without : [whyNone];
  if (absent.length === 0) return thrown;
  if (thrown instanceof ManyErrors) return new ManyErrors([...thrown.messages, ...absent]);
  return thrown instanceof UsageError ? new ManyErrors([thrown.message, ...absent]) : thrown;
}

/** What to say where there is no chip that this user may open. */
export async function whyNoChips(daemon: BridgeClient): Promise<string> {
  const names = await daemon.chips();
  if (names.length > 0) {
    const sockets = names.length === 1 ? 'its socket' : 'their sockets';
    return `you may not open ${names.join(', ')}: ${sockets} in ${daemon.runtimeDir}/chips must be yours or your group's`;
  }
  const mayAsk = await daemon.status().then(
    () => true,
    () => false,
  );
  const hint = mayAsk ? ": 'gpiobridge status' tells their state" : '';
  return `the daemon has no chips yet, as none of its coprocessors has described itself${hint}`;
}

/** One line on a chip whose lines are not known yet. */
export function chipStateMessage({ name, state }: ChipInfo): string {
  if (state.kind === 'down') return `chip '${name}' is down: ${state.reason}`;
  return `chip '${name}' is ${state.kind === 'up' ? 'without lines' : 'still starting'}`;
}
