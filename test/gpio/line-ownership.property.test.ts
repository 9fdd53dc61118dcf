import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeTimers } from '../../src/base/clock.js';
import type { Chip, LineInfo, LineRequest } from '../../src/gpio/chip.js';
import { ChipDirectory } from '../../src/gpio/chip-directory.js';
import { CoprocessorChip } from '../../src/gpio/coprocessor-chip.js';
import { SyntheticChip } from '../../src/gpio/synthetic/synthetic-chip.js';
import { INPUT } from '../contract/chip.js';
import { hostClock } from '../support/api-bench.js';
import { MemoryRemote } from '../support/memory-remote.js';

/**
 * Whatever chips are made and deleted and whoever requests what through which: a line has one
 * request at a time, belongs to whom it should, and every chip tells of it what its users may know.
 * Held against a model that knows the rules only.
 */
const LINES = 5;
const NAMES = ['a', 'b', 'c'] as const;

type Step =
  | {
      readonly do: 'make';
      readonly name: string;
      readonly lines: readonly number[];
      readonly shared: boolean;
    }
  | { readonly do: 'delete'; readonly name: string }
  | { readonly do: 'request'; readonly through: string; readonly picks: readonly number[] }
  | { readonly do: 'release'; readonly which: number };

const someLines = fc.uniqueArray(fc.nat(LINES - 1), { minLength: 1, maxLength: 4 });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({
      do: fc.constant('make' as const),
      name: fc.constantFrom(...NAMES),
      lines: someLines,
      shared: fc.boolean(),
    }),
    fc.record({ do: fc.constant('delete' as const), name: fc.constantFrom(...NAMES) }),
    fc.record({
      do: fc.constant('request' as const),
      through: fc.constantFrom('hub', ...NAMES),
      picks: someLines,
    }),
    fc.record({ do: fc.constant('release' as const), which: fc.nat(5) }),
  ),
  { maxLength: 25 },
);

interface ModelChip {
  readonly lines: readonly number[];
  readonly shared: boolean;
  /** By offset: whether it has the line. */
  readonly has: boolean[];
}

interface ModelRequest {
  readonly through: string;
  /** Of the hub. */
  readonly lines: readonly number[];
  readonly consumer: string;
}

class Model {
  readonly chips = new Map<string, ModelChip>();
  readonly requests: ModelRequest[] = [];

  make(name: string, lines: readonly number[], shared: boolean): void {
    this.chips.set(name, { lines, shared, has: lines.map(() => false) });
    this.settle();
  }

  /** Lines without an owner go to the first chip that may have them. */
  settle(): void {
    for (const [name, chip] of this.chips) {
      chip.lines.forEach((line, offset) => {
        chip.has[offset] ||= !this.owners(line).some(
          ([other, { shared }]) => other !== name && !(shared && chip.shared),
        );
      });
    }
  }

  owners(line: number): [string, ModelChip][] {
    return [...this.chips].filter(([, { lines, has }]) => lines.some((own, i) => own === line && has[i]));
  }

  exclusiveOwner(line: number): string | undefined {
    return this.owners(line).find(([, { shared }]) => !shared)?.[0];
  }

  holder(line: number): ModelRequest | undefined {
    return this.requests.find(({ lines }) => lines.includes(line));
  }

  mayRequest(through: string, offsets: readonly number[]): boolean {
    const chip = this.chips.get(through);
    return offsets.every((offset) => {
      const line = chip === undefined ? offset : chip.lines[offset]!;
      const open = chip === undefined ? this.exclusiveOwner(line) === undefined : chip.has[offset];
      return open && this.holder(line) === undefined;
    });
  }
}

class Bench {
  readonly model = new Model();
  readonly remote = new MemoryRemote(
    'hub',
    Array.from({ length: LINES }, (_, i) => `L${i}`),
  );
  readonly directory = new ChipDirectory();
  readonly hub = new CoprocessorChip({ ...base, name: 'hub', remote: this.remote, startingMs: 1_000 });
  readonly chips = new Map<string, SyntheticChip>();
  readonly open: { readonly request: LineRequest; readonly model: ModelRequest }[] = [];
  private count = 0;

  constructor() {
    this.directory.add(this.hub);
  }

  async run(step: Step): Promise<void> {
    if (step.do === 'make') this.make(step.name, step.lines, step.shared);
    else if (step.do === 'delete') await this.delete(step.name);
    else if (step.do === 'request') await this.request(step.through, step.picks);
    else await this.release(step.which);
    this.check();
  }

  private make(name: string, lines: readonly number[], shared: boolean): void {
    if (this.chips.has(name)) return;
    const description = { name, lines: lines.map((line) => `hub:${line}`), shared };
    this.chips.set(name, new SyntheticChip({ ...base, description, directory: this.directory }));
    this.model.make(name, lines, shared);
  }

  private async delete(name: string): Promise<void> {
    const chip = this.chips.get(name);
    if (chip === undefined) return;
    await chip.close('deleted');
    this.chips.delete(name);
    for (const other of this.chips.values()) other.retry();
    this.model.chips.delete(name);
    this.model.settle();
    for (const { request, model } of this.open.filter((each) => each.model.through === name)) {
      expect(request.ended).toBe('deleted');
      this.forget(model);
    }
  }

  private async request(through: string, picks: readonly number[]): Promise<void> {
    const chip: Chip | undefined = through === 'hub' ? this.hub : this.chips.get(through);
    if (chip === undefined) return;
    const offsets = [...new Set(picks.map((pick) => pick % chip.lineCount))];
    const consumer = `r${this.count++}`;
    const allowed = this.model.mayRequest(through, offsets);
    const asked = chip.requestLines({ consumer, offsets, config: INPUT });
    if (!allowed) {
      await expect(asked).rejects.toMatchObject({ name: 'BUSY' });
      return;
    }
    const lines = offsets.map((offset) => this.model.chips.get(through)?.lines[offset] ?? offset);
    const model = { through, lines, consumer };
    this.model.requests.push(model);
    this.open.push({ request: await asked, model });
  }

  private async release(which: number): Promise<void> {
    const found = this.open[which];
    if (found === undefined) return;
    await found.request.release();
    this.forget(found.model);
  }

  private forget(gone: ModelRequest): void {
    this.model.requests.splice(this.model.requests.indexOf(gone), 1);
    this.open.splice(
      this.open.findIndex(({ model }) => model === gone),
      1,
    );
  }

  check(): void {
    for (let line = 0; line < LINES; line++) {
      expect(seen(this.hub.lineInfo(line)), `line ${line} of hub`).toEqual(this.expectedOnHub(line));
      expect(this.remote.directions[line]).toBe(this.model.holder(line) === undefined ? 'none' : 'input');
    }
    for (const [name, chip] of this.chips) {
      const { lines, has } = this.model.chips.get(name)!;
      lines.forEach((line, offset) => {
        const told = seen(chip.lineInfo(offset));
        expect(told, `line ${offset} of ${name}`).toEqual(this.expectedOn(name, line, has[offset]!));
      });
    }
  }

  private expectedOnHub(line: number): Partial<LineInfo> {
    const holder = this.model.holder(line);
    const through = holder === undefined ? this.model.exclusiveOwner(line) : holder.through;
    return {
      used: holder !== undefined || through !== undefined,
      ...(holder === undefined ? {} : { consumer: holder.consumer }),
      ...(through === undefined || through === 'hub' ? {} : { throughChip: through }),
    };
  }

  private expectedOn(name: string, line: number, has: boolean): Partial<LineInfo> {
    if (!has) return { used: false, unavailable: expect.any(String) };
    const holder = this.model.holder(line);
    if (holder?.through === name) return { used: true, consumer: holder.consumer };
    return { used: holder !== undefined };
  }
}

const base = { clock: hostClock, timers: nodeTimers };

/** What of a line's info is about its users. */
function seen({ used, consumer, throughChip, unavailable }: LineInfo): Partial<LineInfo> {
  return {
    used,
    ...(consumer === undefined ? {} : { consumer }),
    ...(throughChip === undefined ? {} : { throughChip }),
    ...(unavailable === undefined ? {} : { unavailable }),
  };
}

describe('ownership of lines', () => {
  it('is as the rules say, whatever happens in whatever order', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const bench = new Bench();
        for (const step of all) await bench.run(step);
        for (const { request } of [...bench.open]) await request.release();
        for (const chip of bench.chips.values()) await chip.close('done');
        for (let line = 0; line < LINES; line++)
          expect(seen(bench.hub.lineInfo(line))).toEqual({ used: false });
      }),
      { numRuns: 300 },
    );
  });
});
