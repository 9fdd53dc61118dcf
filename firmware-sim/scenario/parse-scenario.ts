import { dirname, resolve } from 'node:path';
import { messageOf } from '../../src/base/errors.js';
import { Problems } from '../../src/base/problems.js';
import { TableReader } from '../../src/base/table-reader.js';
import { parseToml } from '../../src/base/toml.js';
import { parseDrive } from '../drive.js';
import { parseFault } from '../fault.js';
import { parseDuration, parsePeriod } from '../periods.js';
import { parseStimulus, type Stimulus } from '../stimulus.js';
import type { Scenario, ScenarioAction, ScenarioStep } from './scenario.js';

const STARTS = ['now', 'driver'] as const;
const PORT_CHANGES = ['close', 'open'] as const;
/** The keys of what a step does. */
const ACTIONS = ['clear_faults', 'stop_stimuli', 'reboot', 'fault', 'drive', 'stimulus', 'port'] as const;
const MAX_STEPS = 10_000;
const MAX_REPEAT = 1_000_000_000;

/** What is wrong with an action for the coprocessor that it is meant for, if anything. */
export type ActionCheck = (action: ScenarioAction) => string | undefined;

/**
 * Reads a scenario from TOML (docs/simulator.md, "Scenarios"). Paths of replays are relative to
 * `file`. Throws CONFIG_INVALID ({@link ConfigInvalid}) with every error, each with its key, those
 * that `check` finds among them.
 */
export function parseScenario(
  toml: string,
  file = 'scenario',
  check: ActionCheck = () => undefined,
): Scenario {
  const problems = new Problems();
  const root = new TableReader(parseToml(toml, file, problems), '', problems);
  const start = root.oneOf('start', STARTS) ?? 'now';
  const durationNs = duration(root, 'duration');
  const tables = root.tables('step');
  root.finish();
  if (tables.length === 0 && !root.has('step')) problems.add('step', 'none: write a [[step]]');
  if (tables.length > MAX_STEPS) problems.add('step', `${tables.length} are more than ${MAX_STEPS}`);
  const steps = tables.slice(0, MAX_STEPS).map((table) => {
    if (!ACTIONS.some((name) => table.has(name))) {
      problems.add(table.path, `does nothing: give one of ${ACTIONS.join(', ')}`);
    }
    return readStep(table, durationNs, file);
  });
  for (const action of steps.flatMap(({ actions }) => actions)) {
    const problem = check(action);
    if (problem !== undefined) problems.add(action.key, problem);
  }
  problems.throwIfAny();
  return { file, start, durationNs, steps };
}

function readStep(table: TableReader, endNs: number | undefined, file: string): ScenarioStep {
  const atNs = duration(table, 'at') ?? 0;
  if (!table.has('at')) table.problem('at', 'is missing: write the time since the start, as "2s"');
  if (endNs !== undefined && atNs > endNs) table.problem('at', 'is after the end of the scenario (duration)');
  const everyText = table.string(
    'every',
    problemOf((text) => parsePeriod(text)),
  );
  const everyNs = everyText === undefined ? 0 : parsePeriod(everyText);
  const repeat = table.integer('repeat', 1, MAX_REPEAT);
  if (repeat !== undefined && !table.has('every')) table.problem('repeat', "needs 'every'");
  const actions = readActions(table, file);
  table.finish();
  return {
    atNs,
    everyNs,
    times: table.has('every') ? (repeat ?? Number.POSITIVE_INFINITY) : 1,
    actions,
  };
}

/** In the order in which they are done. */
function readActions(table: TableReader, file: string): ScenarioAction[] {
  const actions: ScenarioAction[] = [];
  const key = (name: string) => table.keyOf(name);
  const flag = (name: string, kind: 'clear-faults' | 'stop-stimuli' | 'reboot') => {
    if (isTrue(table, name)) actions.push({ key: key(name), kind });
  };
  flag('clear_faults', 'clear-faults');
  flag('stop_stimuli', 'stop-stimuli');
  flag('reboot', 'reboot');
  for (const text of table.strings('fault', problemOf(parseFault))) {
    actions.push({ key: key('fault'), kind: 'fault', fault: parseFault(text) });
  }
  for (const text of table.strings('drive', problemOf(parseDrive))) {
    actions.push({ key: key('drive'), kind: 'drive', drive: parseDrive(text) });
  }
  for (const text of table.strings('stimulus', problemOf(parseStimulus))) {
    const stimulus = fromFile(parseStimulus(text), file);
    if (table.has('every') && stimulus.kind !== 'replay') {
      table.problem('stimulus', `'${text}' goes on by itself: leave out 'every'`);
    }
    actions.push({ key: key('stimulus'), kind: 'stimulus', stimulus });
  }
  const port = table.oneOf('port', PORT_CHANGES);
  if (port !== undefined)
    actions.push({ key: key('port'), kind: port === 'close' ? 'close-ports' : 'open-ports' });
  return actions;
}

/** False would say nothing: it is taken for a mistake. */
function isTrue(table: TableReader, name: string): boolean {
  const value = table.boolean(name);
  if (value === false) table.problem(name, 'write true, or leave it out');
  return value === true;
}

function duration(table: TableReader, key: string): number | undefined {
  const text = table.string(
    key,
    problemOf((value) => parseDuration(value)),
  );
  return text === undefined ? undefined : parseDuration(text);
}

function fromFile(stimulus: Stimulus, file: string): Stimulus {
  return stimulus.kind === 'replay' ? { ...stimulus, path: resolve(dirname(file), stimulus.path) } : stimulus;
}

/** What `parser` says against a text, as a check of a {@link TableReader}. */
function problemOf(parser: (text: string) => unknown): (text: string) => string | undefined {
  return (text) => {
    try {
      parser(text);
      return undefined;
    } catch (thrown) {
      return messageOf(thrown);
    }
  };
}
