import { expect, it } from 'vitest';
import type { ConfigInvalid } from '../../src/base/problems.js';
import { HandTime } from '../../test/conformance/hand-time.js';
import { SimulatedCoprocessor } from '../coprocessor.js';
import { parseScenario } from './parse-scenario.js';
import { actionProblem } from './run-scenario.js';

it('a scenario tells of lines that are not there beside its other errors', async () => {
  const coprocessor = new SimulatedCoprocessor({ lines: 4 }, new HandTime());
  const toml =
    '[[step]]\nat = "1s"\nstimulus = "toggle:9:1s"\n[[step]]\nat = "x"\ncolour = 1\nreboot = true\n';
  let problems: readonly string[] = [];
  try {
    parseScenario(toml, 'test', (action) => actionProblem(coprocessor, action));
  } catch (thrown) {
    problems = (thrown as ConfigInvalid).problems;
  }
  expect(problems.map((problem) => problem.split(': ')[0]).sort()).toEqual([
    'step[0].stimulus',
    'step[1].at',
    'step[1].colour',
  ]);
  await coprocessor.close();
});
