/**
 * A simulated coprocessor with GPIO lines: the device side of this project's protocol, for trying
 * it without hardware and for tests, yours included.
 *
 * @example
 * import { SimulatedCoprocessor } from 'gpiobridge/firmware-sim';
 *
 * const coprocessor = new SimulatedCoprocessor({ lines: 8, names: ['DOOR', 'LAMP'] });
 * await coprocessor.listen('unix:/tmp/hub.sock');
 * // gpiobridge daemon --link hub=unix:/tmp/hub.sock
 * coprocessor.drive('DOOR', 1);       // an edge, if a driver enabled its interrupt
 * coprocessor.pin('LAMP').level;      // what the driver set
 * await coprocessor.close();
 */
export { ConfigInvalid } from '../src/base/problems.js';
export type { Listener, StreamListener } from '../src/link/listener.js';
export { memoryLinkPair } from '../src/link/memory.js';
export { askControl } from './control-client.js';
export type { ControlRequest, ControlResults } from './control-protocol.js';
export { type ControlServer, serveControl } from './control-server.js';
export { SimulatedCoprocessor } from './coprocessor.js';
export {
  ALL_FEATURES,
  DIALECT_FEATURES,
  parseDialect,
  parseFeatures,
  SIMULATED_DIALECTS,
  type SimulatedDialect,
  type SimulatedFeatures,
} from './dialect.js';
export { type Drive, parseDrive } from './drive.js';
export { type Fault, MAX_DRIFT_PPM, parseFault, type WireFault } from './fault.js';
export type { CoprocessorOptions } from './options.js';
export type { OutputChange, PinState } from './pin-state.js';
export {
  type Pace,
  parsePace,
  planReplay,
  type ReplayCounts,
  ReplayedCoprocessor,
  type ReplayOptions,
  type ReplayPlan,
} from './replay/index.js';
export { parseScenario } from './scenario/parse-scenario.js';
export { actionProblem, checkScenario, runScenario, type ScenarioRun } from './scenario/run-scenario.js';
export type { Scenario, ScenarioAction, ScenarioStep } from './scenario/scenario.js';
export type { CoprocessorStats, EdgeTotals, LineStats } from './stats.js';
export { MAX_RATE, parseStimulus, type Stimulus } from './stimulus.js';
