import type { LineRequestClient } from '../api/client/types.js';
import { messageOf } from '../base/errors.js';
import type { Level, LineConfig } from '../gpio/chip.js';
import { requestOn } from './connection.js';
import { UsageError } from './errors.js';
import { chipStateText } from './event-text.js';
import type { LineValue } from './line-value.js';
import { type ChipGroup, groupForRequests, type LocatedLine } from './locate.js';
import { print } from './output.js';
import { valueObject } from './value-json.js';

/** How lines are to be requested. */
export interface HoldConfig {
  readonly consumer: string;
  readonly activeLow: boolean;
}

/** Lines of one chip that are held. */
interface HeldGroup {
  readonly request: LineRequestClient;
  readonly chip: string;
  readonly lines: readonly LocatedLine[];
}

/** Output lines that this process holds, of any number of chips, and the values it gave them. */
export class HeldLines {
  private readonly values: Map<LocatedLine, Level>;

  /** Requests the lines with these values, one for each, chip by chip. Throws {@link UsageError}. */
  static async request(
    lines: readonly LocatedLine[],
    values: readonly Level[],
    config: HoldConfig,
  ): Promise<HeldLines> {
    const given = new Map(lines.map((line, index) => [line, values[index]]));
    const groups: HeldGroup[] = [];
    for (const group of groupForRequests(lines)) groups.push(await requestGroup(group, given, config));
    return new HeldLines(lines, given, groups);
  }

  private constructor(
    private readonly lines: readonly LocatedLine[],
    values: ReadonlyMap<LocatedLine, Level>,
    private readonly groups: readonly HeldGroup[],
  ) {
    this.values = new Map(values);
  }

  /** What the user calls the lines, in the order in which they were named. */
  get ids(): string[] {
    return this.lines.map(({ id }) => id);
  }

  /** The values given to the lines of these ids, in that order; to all of them without ids. */
  valuesOf(ids: readonly string[] = this.ids): LineValue[] {
    return ids.map((id) => ({ id, value: this.values.get(this.line(id)) as Level }));
  }

  /** As {@link valuesOf}, as objects for `--json`. */
  objectsOf(ids: readonly string[] = this.ids): object[] {
    return ids.map((id) => valueObject(this.line(id), this.values.get(this.line(id)) as Level));
  }

  /**
   * Gives lines other values; the others keep theirs. Returns what went wrong, chip by chip: as in
   * gpioset that ends nothing, the coprocessor may be back for the next value.
   */
  async set(wanted: readonly LineValue[]): Promise<string[]> {
    const problems: string[] = [];
    const changed = new Map(wanted.map(({ id, value }) => [this.line(id), value]));
    for (const [line, value] of changed) this.values.set(line, value);
    for (const { request, chip, lines } of this.groups) {
      const ofChip = lines.filter((line) => changed.has(line));
      if (ofChip.length === 0) continue;
      const values = new Map(ofChip.map((line) => [line.offset, this.values.get(line) as Level]));
      await request.setValues(values).catch((thrown: unknown) => {
        problems.push(`unable to set values on '${chip}': ${messageOf(thrown)}`);
      });
    }
    return problems;
  }

  /** Turns the values of these lines around, of all without ids; returns what {@link set} returns. */
  toggle(ids?: readonly string[]): Promise<string[]> {
    return this.set(
      this.valuesOf(ids && [...new Set(ids)]).map(({ id, value }) => ({ id, value: value === 1 ? 0 : 1 })),
    );
  }

  /** Gives the lines back. */
  async release(): Promise<void> {
    await Promise.allSettled(this.groups.map(({ request }) => request.release()));
  }

  /**
   * Says on stderr when a coprocessor goes and comes. Rejects when lines are taken away, by a firmware
   * that no longer has them or a daemon that ends.
   */
  watchEnd(program: string): Promise<never> {
    return Promise.race(
      this.groups.map(async ({ request, chip }) => {
        let reason = 'the daemon is gone';
        for await (const batch of request.events()) {
          for (const event of batch) {
            if (event.type === 'ended') reason = event.reason;
            if (event.type === 'chip') await print(`${program}: ${chipStateText(event)}\n`, process.stderr);
          }
        }
        throw new UsageError(`lines on '${chip}' were released: ${reason}`);
      }),
    );
  }

  private line(id: string): LocatedLine {
    return this.lines.find((line) => line.id === id) as LocatedLine;
  }
}

async function requestGroup(
  { client, lines }: ChipGroup,
  given: ReadonlyMap<LocatedLine, Level>,
  { consumer, activeLow }: HoldConfig,
): Promise<HeldGroup> {
  const config = lines.map(
    (line): LineConfig => ({
      direction: 'output',
      edges: 'none',
      activeLow,
      eventClock: 'monotonic',
      value: given.get(line) as Level,
    }),
  );
  const offsets = lines.map(({ offset }) => offset);
  return { request: await requestOn(client, consumer, offsets, config), chip: lines[0].chip, lines };
}
