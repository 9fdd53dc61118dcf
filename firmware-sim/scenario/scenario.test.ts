import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigInvalid } from '../../src/base/problems.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { HandTime } from '../../test/conformance/hand-time.js';
import { RawDriver } from '../../test/conformance/raw-driver.js';
import { SimulatedCoprocessor } from '../coprocessor.js';
import { parseScenario } from './parse-scenario.js';
import { checkScenario, runScenario } from './run-scenario.js';

const running: SimulatedCoprocessor[] = [];
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gpiobridge-sim-'));
});
afterEach(async () => {
  for (const coprocessor of running.splice(0)) await coprocessor.close();
  rmSync(directory, { recursive: true, force: true });
});

function start() {
  const time = new HandTime();
  const coprocessor = new SimulatedCoprocessor({ lines: 2, names: ['A', 'B'], seed: 1 }, time);
  running.push(coprocessor);
  return { time, coprocessor };
}

function problemsOf(action: () => unknown): readonly string[] {
  try {
    action();
  } catch (thrown) {
    if (thrown instanceof ConfigInvalid) return thrown.problems;
    throw thrown;
  }
  return [];
}

/** The levels of line A, looked at every 10 ms. */
function levels(time: HandTime, coprocessor: SimulatedCoprocessor, count: number): string {
  let seen = '';
  for (let i = 0; i < count; i++) {
    time.advance(10);
    seen += coprocessor.pin('A').level;
  }
  return seen;
}

describe('parseScenario', () => {
  it('takes everything a step can do, in the order in which it is done', () => {
    const scenario = parseScenario(
      `start = "driver"
       duration = "20s"
       [[step]]
       at = "1.5s"
       port = "close"
       stimulus = ["toggle:A:1s", "replay:day.vcd:2"]
       drive = "2:B=1"
       fault = ["delay:1ms", "drift:5"]
       reboot = true
       stop_stimuli = true
       clear_faults = true
       [[step]]
       at = "0s"
       every = "1s"
       repeat = 3
       drive = ["A=1", "A=0"]`,
      '/srv/tests/day.toml',
    );
    expect(scenario).toMatchObject({ file: '/srv/tests/day.toml', start: 'driver', durationNs: 20e9 });
    const [first, second] = scenario.steps;
    expect(first).toMatchObject({ atNs: 1.5e9, times: 1 });
    expect(first!.actions.map(({ kind, key }) => [kind, key])).toEqual([
      ['clear-faults', 'step[0].clear_faults'],
      ['stop-stimuli', 'step[0].stop_stimuli'],
      ['reboot', 'step[0].reboot'],
      ['fault', 'step[0].fault'],
      ['fault', 'step[0].fault'],
      ['drive', 'step[0].drive'],
      ['stimulus', 'step[0].stimulus'],
      ['stimulus', 'step[0].stimulus'],
      ['close-ports', 'step[0].port'],
    ]);
    expect(first!.actions[7]).toMatchObject({ stimulus: { path: '/srv/tests/day.vcd', controller: 2 } });
    expect(second).toMatchObject({ atNs: 0, everyNs: 1e9, times: 3 });
  });

  it('says everything that is wrong at once, with its key', () => {
    const toml = `start = "later"
      duration = "10s"
      wings = 2
      [[step]]
      drive = ["A", "A=2", 5, "0:A=1"]
      fault = "fire:1"
      [[step]]
      at = "20s"
      every = "0s"
      stimulus = "blink:A"
      [[step]]
      at = "soon"
      repeat = 2
      reboot = false
      port = "ajar"
      [[step]]
      at = "1s"
      [[step]]
      at = "1s"
      every = "1s"
      stimulus = "toggle:A:1s"
      repeat = 0`;
    expect(problemsOf(() => parseScenario(toml, 'x.toml'))).toEqual([
      'start: "later" is none of now, driver',
      expect.stringMatching(/^wings: unknown key; known here: duration, start, step/),
      expect.stringMatching(/^step\[0\]\.at: is missing/),
      expect.stringMatching(/^step\[0\]\.fault: fault 'fire:1'/),
      expect.stringMatching(/^step\[0\]\.drive: 'A' is no drive/),
      expect.stringMatching(/^step\[0\]\.drive: 'A=2' is no drive/),
      'step[0].drive: expected a string or a list of strings, got 5',
      expect.stringMatching(/^step\[0\]\.drive: '0:A=1' is no drive/),
      'step[1].at: is after the end of the scenario (duration)',
      "step[1].every: '0s' is out of range: from 1us to 3600s",
      expect.stringMatching(/^step\[1\]\.stimulus: stimulus 'blink:A'/),
      "step[2].at: 'soon' is no time: write 20us, 2ms or 1.5s",
      "step[2].repeat: needs 'every'",
      'step[2].reboot: write true, or leave it out',
      'step[2].port: "ajar" is none of close, open',
      expect.stringMatching(/^step\[3\]: does nothing: give one of clear_faults, /),
      'step[4].repeat: 0 is not within 1 to 1000000000',
      "step[4].stimulus: 'toggle:A:1s' goes on by itself: leave out 'every'",
    ]);
  });

  it.each([
    ['', 'step: none: write a [[step]]'],
    ['step = 5', 'step: write it as [[step]]'],
    ['[[step]\nat =', /^x\.toml:1:\d+: /],
  ])('refuses %j', (toml, problem) => {
    const expected = typeof problem === 'string' ? problem : expect.stringMatching(problem);
    expect(problemsOf(() => parseScenario(toml, 'x.toml'))).toEqual([expected]);
  });
});

describe('runScenario', () => {
  it('says of all lines and files at once which are not there', () => {
    const { coprocessor } = start();
    const scenario = parseScenario(
      '[[step]]\nat = "1s"\ndrive = ["A=1", "Q=1"]\nstimulus = ["toggle:9:1s", "replay:none.vcd"]',
      join(directory, 'x.toml'),
    );
    const expected = [
      expect.stringMatching(/^step\[0\]\.drive: no line 'Q' on controller 1/),
      expect.stringMatching(/^step\[0\]\.stimulus: no line '9'/),
      expect.stringMatching(/^step\[0\]\.stimulus: .*none\.vcd: cannot be read/),
    ];
    expect(problemsOf(() => checkScenario(coprocessor, scenario))).toEqual(expected);
    expect(problemsOf(() => runScenario(coprocessor, scenario))).toEqual(expected);
  });

  it('does steps at their times, whatever their order in the file, and again where asked', async () => {
    const { time, coprocessor } = start();
    const { done } = runScenario(
      coprocessor,
      parseScenario(`
        [[step]]
        at = "45ms"
        drive = "A=0"
        [[step]]
        at = "15ms"
        drive = "A=1"
        [[step]]
        at = "65ms"
        every = "20ms"
        repeat = 2
        drive = "A=1"
        [[step]]
        at = "75ms"
        every = "20ms"
        repeat = 2
        drive = "A=0"`),
    );
    expect(levels(time, coprocessor, 11)).toBe('01110010100');
    await done;
  });

  it('begins and ends stimuli and faults, and reboots', async () => {
    const { time, coprocessor } = start();
    const { done } = runScenario(
      coprocessor,
      parseScenario(`
        duration = "1s"
        [[step]]
        at = "0s"
        stimulus = "toggle:A:10ms"
        [[step]]
        at = "55ms"
        stop_stimuli = true
        reboot = true
        fault = "reboot:100ms"
        [[step]]
        at = "500ms"
        clear_faults = true`),
    );
    expect(levels(time, coprocessor, 10)).toBe('1010111111');
    expect(coprocessor.stats().boots).toBe(2);
    time.advance(900);
    await done;
    time.advance(1000);
    expect(coprocessor.stats().boots).toBe(6);
  });

  it('ends at its duration, or when it is stopped', async () => {
    const { time, coprocessor } = start();
    const toml = '[[step]]\nat = "0s"\nevery = "10ms"\ndrive = ["A=1"]\nstop_stimuli = true';
    let ended = '';
    const first = runScenario(coprocessor, parseScenario(`duration = "100ms"\n${toml}`));
    void first.done.then(() => {
      ended += 'first';
    });
    time.advance(99);
    await Promise.resolve();
    expect(ended).toBe('');
    time.advance(1);
    await first.done;
    const second = runScenario(coprocessor, parseScenario(toml));
    time.advance(50_000);
    second.stop();
    await second.done;
    coprocessor.drive('A', 0);
    time.advance(1000);
    expect([ended, coprocessor.pin('A').level]).toEqual(['first', 0]);
  });

  it('waits for a driver where it says so', async () => {
    const { time, coprocessor } = start();
    runScenario(coprocessor, parseScenario('start = "driver"\n[[step]]\nat = "1s"\ndrive = "A=1"'));
    time.advance(5_000);
    expect(coprocessor.pin('A').level).toBe(0);
    const [ours, theirs] = memoryLinkPair({ clock: time });
    coprocessor.attach(theirs);
    const driver = new RawDriver(ours);
    await driver.hello();
    await driver.bringUp((1n << 64n) - 1n);
    time.advance(1000);
    expect(coprocessor.pin('A').level).toBe(0);
    time.advance(15);
    expect(coprocessor.pin('A').level).toBe(1);
  });

  it('closes and opens ports in its turn, and ends where that cannot be', async () => {
    const coprocessor = new SimulatedCoprocessor({ lines: 1, names: ['A'] });
    running.push(coprocessor);
    const path = join(directory, 'hub');
    await coprocessor.listen(`unix:${path}`);
    const toml = '[[step]]\nat = "0s"\nport = "close"\n[[step]]\nat = "1ms"\nport = "open"\n';
    await runScenario(coprocessor, parseScenario(toml)).done;
    await expect(coprocessor.listen(`unix:${path}`)).rejects.toMatchObject({ name: 'BUSY' });
    const later = runScenario(
      coprocessor,
      parseScenario('[[step]]\nat = "0s"\nport = "close"\n[[step]]\nat = "0s"\ndrive = "A=1"\n', 'a.toml'),
    );
    await later.done;
    writeFileSync(path, 'in the way');
    const failing = runScenario(
      coprocessor,
      parseScenario('[[step]]\nat = "0s"\nport = "open"\n[[step]]\nat = "1ms"\ndrive = "A=0"\n', 'b.toml'),
    );
    await expect(failing.done).rejects.toMatchObject({ name: 'BUSY' });
    await expect(failing.done).rejects.toThrow('b.toml: step[0].port: unix:');
    expect(coprocessor.pin('A').level).toBe(1);
  });
});
