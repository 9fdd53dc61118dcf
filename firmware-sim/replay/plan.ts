import { BridgeError } from '../../src/base/errors.js';
import {
  findTraceFiles,
  newTraceFaults,
  readTraceFiles,
  type TraceFaults,
  type TraceFileInfo,
} from '../../src/trace/read-trace.js';
import type { TraceRecord, TraceSource } from '../../src/wire/trace/record.js';
import { IRQ_TYPE } from '../../src/wire/virtio-gpio.js';
import { ClockFit } from './clock-fit.js';
import { type BootDescription, DescriptionReader } from './description.js';
import { keyOf, type ScriptAction, type ScriptStep, ScriptWriter } from './script.js';

/** What is known of a trace before it is played. */
export interface ReplayPlan {
  readonly files: readonly TraceFileInfo[];
  readonly source: TraceSource;
  /** By number of the boot; the last known description stands for a boot that says nothing new. */
  readonly boots: readonly PlannedBoot[];
  /** Time of the trace of the first and the last step, ns. */
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly faults: TraceFaults;
}

export interface PlannedBoot {
  readonly description: BootDescription;
  /** Its clock minus the clock of the trace, ns. */
  readonly clockAheadNs: bigint;
  /**
   * Levels that lines had each time their interrupt was enabled, as far as they are known, by
   * {@link keyOf}: EDGE_BOTH alternates from there.
   */
  readonly levels: ReadonlyMap<number, readonly (number | undefined)[]>;
}

/**
 * Reads a trace once, for what its firmware said of itself. Rejects with INVALID_ARGUMENT or
 * NOT_FOUND where it is no trace, has no such coprocessor, or does not hold the start of a session.
 */
export async function planReplay(path: string, coprocessor: string | undefined): Promise<ReplayPlan> {
  const files = await findTraceFiles(path);
  const faults = newTraceFaults();
  const survey = new Survey();
  for await (const { file, records } of readTraceFiles(files, faults)) {
    for (const source of file.head.sources) survey.addSource(source);
    for (const record of records) survey.take(record);
  }
  const { source, surveyor } = survey.choose(path, coprocessor);
  return { files, source, faults, ...surveyor.plan(path) };
}

/** The steps of the firmware that a plan was made of, read again from its files. */
export async function* readScript(plan: ReplayPlan): AsyncGenerator<readonly ScriptStep[]> {
  const writer = new ScriptWriter();
  for await (const { records } of readTraceFiles(plan.files)) {
    yield records
      .filter((record) => record.source === plan.source.id)
      .flatMap((record) => writer.take(record).steps);
  }
}

class Survey {
  private readonly sources = new Map<number, TraceSource>();
  private readonly surveyors = new Map<number, SourceSurveyor>();

  addSource(source: TraceSource): void {
    this.sources.set(source.id, source);
  }

  take(record: TraceRecord): void {
    if (record.kind === 'source') {
      this.addSource(record.added);
      return;
    }
    let surveyor = this.surveyors.get(record.source);
    if (surveyor === undefined) {
      surveyor = new SourceSurveyor();
      this.surveyors.set(record.source, surveyor);
    }
    surveyor.take(record);
  }

  choose(path: string, name: string | undefined): { source: TraceSource; surveyor: SourceSurveyor } {
    const known = [...this.sources.values()];
    const names = known.map((source) => source.name).join(', ') || 'none';
    const wanted = name === undefined ? known : known.filter((source) => source.name === name);
    if (wanted.length === 0)
      throw new BridgeError('NOT_FOUND', `'${path}' has no coprocessor '${name}': there are ${names}`);
    if (name === undefined && wanted.length > 1) {
      throw new BridgeError('INVALID_ARGUMENT', `'${path}' is of several coprocessors (${names}): say which`);
    }
    const source = wanted[wanted.length - 1]!;
    return { source, surveyor: this.surveyors.get(source.id) ?? new SourceSurveyor() };
  }
}

/** What is collected of one coprocessor while its records are read. */
class SourceSurveyor {
  private readonly writer = new ScriptWriter();
  private readonly boots: BootSurvey[] = [];
  private startNs: bigint | undefined;
  private endNs = 0n;

  take(record: TraceRecord): void {
    const { steps, spoken } = this.writer.take(record);
    for (const step of steps) {
      if (step.action.kind === 'boot') this.boots.push(new BootSurvey());
      this.startNs ??= this.boots.length === 0 ? undefined : step.atNs;
      this.endNs = step.atNs;
      this.boots[this.boots.length - 1]?.takeAction(step.action);
    }
    if (spoken === undefined || record.kind !== 'frame') return;
    const boot = this.boots[this.boots.length - 1];
    if (boot === undefined) return;
    boot.clock.take(record, spoken);
    if (record.direction === 'in' && record.fate === 'delivered') boot.description.take(spoken);
  }

  plan(path: string): Pick<ReplayPlan, 'boots' | 'startNs' | 'endNs'> {
    const boots: PlannedBoot[] = [];
    let known = this.boots
      .map(({ description }) => description.description())
      .find((one) => one !== undefined);
    if (known === undefined || this.startNs === undefined) {
      throw new BridgeError(
        'INVALID_ARGUMENT',
        `'${path}' does not hold the start of a session, which tells what the firmware is: ` +
          'record from the start of the daemon, with room for it (--trace-size, --trace-files)',
      );
    }
    for (const survey of this.boots) {
      known = survey.description.description() ?? known;
      boots.push({ description: known, clockAheadNs: survey.clock.aheadNs, levels: survey.levels });
    }
    return { boots, startNs: this.startNs, endNs: this.endNs };
  }
}

class BootSurvey {
  readonly description = new DescriptionReader();
  readonly clock = new ClockFit();
  readonly levels = new Map<number, (number | undefined)[]>();

  takeAction(action: ScriptAction): void {
    if (action.kind === 'enabled') {
      const both = action.type === IRQ_TYPE.EDGE_BOTH;
      // Where edges do not alternate their numbers tell nothing of the level before.
      this.levelsOf(action).push(both ? undefined : Number(action.type !== IRQ_TYPE.EDGE_RISING));
    } else if (action.kind === 'edge' && action.level !== undefined && action.seq !== undefined) {
      const levels = this.levelsOf(action);
      const last = levels.length - 1;
      if (last >= 0) levels[last] ??= (action.level ^ action.seq) & 1;
    }
  }

  private levelsOf({ devNum, line }: { devNum: number; line: number }): (number | undefined)[] {
    const key = keyOf(devNum, line);
    let levels = this.levels.get(key);
    if (levels === undefined) {
      levels = [];
      this.levels.set(key, levels);
    }
    return levels;
  }
}
