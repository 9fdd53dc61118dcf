import { BridgeError, toBridgeError } from '../../src/base/errors.js';
import type { EdgeSource } from '../edge-sources.js';
import type { SimulatedPins } from '../pins.js';
import { offsetsByVcdName } from './line-names.js';
import { VcdFile } from './vcd-file.js';
import type { VcdChange, VcdReader } from './vcd-reader.js';

/** Where a replay plays, and to whom it says what stopped it. */
export interface ReplayTarget {
  readonly pins: SimulatedPins;
  /** Of all lines of the controller, by offset; '' where unnamed. */
  readonly names: readonly string[];
  readonly failed: (error: BridgeError) => void;
}

const NEVER = Number.POSITIVE_INFINITY;
/** Changes that concern no line are passed over in turns of this many. */
const TURN = 10_000;

/** Plays a Value Change Dump: the levels of its wires, at its times, on the lines of the same names. */
export class ReplaySource implements EdgeSource {
  nextNs: number;
  private readonly file: VcdFile;
  private readonly linesById: ReadonlyMap<string, readonly number[]>;
  private change: VcdChange | undefined;

  /** Its first time is `startNs` of world time. Throws INVALID_ARGUMENT, IO_ERROR. */
  constructor(
    path: string,
    private readonly target: ReplayTarget,
    private readonly startNs: number,
  ) {
    this.nextNs = startNs;
    this.file = new VcdFile(path);
    try {
      this.linesById = matchLines(this.file.reader, target.names);
    } catch (thrown) {
      this.file.close();
      throw thrown;
    }
    this.advance();
  }

  fire(deviceNs: number): void {
    const { change } = this;
    if (change?.level !== undefined) {
      for (const line of this.linesById.get(change.id) ?? []) {
        this.target.pins.apply(line, change.level, deviceNs);
      }
    }
    this.advance();
  }

  close(): void {
    this.nextNs = NEVER;
    this.file.close();
  }

  /** Reads on to the next change that concerns a line. */
  private advance(): void {
    try {
      for (let passed = 0; passed < TURN; passed++) {
        this.change = this.file.reader.next();
        if (this.change === undefined) {
          this.close();
          return;
        }
        this.nextNs = this.startNs + this.change.timeNs;
        if (this.change.level !== undefined && this.linesById.has(this.change.id)) return;
      }
    } catch (thrown) {
      this.close();
      this.target.failed(toBridgeError(thrown));
    }
  }
}

/** Reads a dump to its end; throws everything that would stop its replay. `names` as in {@link ReplayTarget}. */
export function checkReplay(path: string, names: readonly string[]): void {
  const file = new VcdFile(path);
  try {
    matchLines(file.reader, names);
    while (file.reader.next() !== undefined);
  } finally {
    file.close();
  }
}

/** The lines that each identifier stands for. */
function matchLines(reader: VcdReader, names: readonly string[]): Map<string, number[]> {
  const offsets = offsetsByVcdName(names);
  const found = new Map<number, { id: string; declaredAt: number }>();
  for (const { id, name, declaredAt } of reader.wires) {
    const offset = offsets.get(name);
    if (offset === undefined) continue;
    const before = found.get(offset);
    if (before !== undefined && before.id !== id) {
      const why = `another wire '${name}' stands in line ${before.declaredAt}: rename one of them`;
      throw new BridgeError('INVALID_ARGUMENT', `${reader.file}:${declaredAt}: ${why}`);
    }
    found.set(offset, { id, declaredAt });
  }
  if (found.size === 0) throw noWire(reader);
  const linesById = new Map<string, number[]>();
  for (const [offset, { id }] of found) linesById.set(id, [...(linesById.get(id) ?? []), offset]);
  return linesById;
}

function noWire({ file, wires }: VcdReader): BridgeError {
  const some = wires.slice(0, 5).map(({ name }) => `'${name}'`);
  const more = wires.length > some.length ? ' and more' : '';
  const has = wires.length === 0 ? 'has no wires' : `has ${some.join(', ')}${more}`;
  return new BridgeError('INVALID_ARGUMENT', `${file}: no wire has the name of a line: it ${has}`);
}
