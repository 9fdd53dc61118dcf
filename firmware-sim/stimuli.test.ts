import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { memoryLinkPair } from '../src/link/memory.js';
import { decodeStampedIrqResponse, IRQ_TYPE, MSG } from '../src/wire/virtio-gpio.js';
import { HandTime } from '../test/conformance/hand-time.js';
import { RawDriver } from '../test/conformance/raw-driver.js';
import { BOUNCE_MAX_NS, BOUNCE_MIN_NS } from './bounce-source.js';
import { SimulatedCoprocessor } from './coprocessor.js';
import { parseFault } from './fault.js';
import type { CoprocessorOptions } from './options.js';
import { parseStimulus } from './stimulus.js';

const ALL = (1n << 64n) - 1n;
const LINES = 4;
const running: SimulatedCoprocessor[] = [];
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gpiobridge-sim-'));
});
afterEach(async () => {
  for (const coprocessor of running.splice(0)) await coprocessor.close();
  rmSync(directory, { recursive: true, force: true });
});

/** A coprocessor with lines A, B, one without a name and `C-1`, all monitored by a driver. */
async function monitored(options: CoprocessorOptions = {}) {
  const time = new HandTime();
  const names = ['A', 'B', '', 'C-1'];
  const coprocessor = new SimulatedCoprocessor({ lines: LINES, names, seed: 3, ...options }, time);
  running.push(coprocessor);
  const [ours, theirs] = memoryLinkPair({ clock: time });
  const driver = new RawDriver(ours);
  coprocessor.attach(theirs);
  await driver.hello();
  await driver.bringUp(ALL);
  for (let line = 0; line < LINES; line++) {
    driver.request(MSG.SET_IRQ_TYPE, line, IRQ_TYPE.EDGE_BOTH);
    for (let i = 0; i < 12; i++) driver.eventBuffer(line, 16);
  }
  await driver.settle();
  /** The edges that came: line by the order of buffers, level, time of the device in ns. */
  const edges = async () => {
    await driver.settle();
    return driver.used
      .filter(({ queue }) => queue === 1)
      .map(({ bytes }) => decodeStampedIrqResponse(bytes))
      .map(({ level, timeNs }) => ({ level, timeNs: Number(timeNs) }));
  };
  return { time, coprocessor, driver, edges };
}

function vcd(text: string, head = '$timescale 1us $end $var wire 1 ! A $end $var wire 1 " B $end'): string {
  const path = join(directory, 'dump.vcd');
  writeFileSync(path, `${head} $enddefinitions $end\n${text}`);
  return path;
}

describe('bounce', () => {
  it('changes the level every period, in that many edges with short pauses', async () => {
    const { time, coprocessor, edges } = await monitored();
    coprocessor.addStimulus(parseStimulus('bounce:A:100ms:5'));
    time.advance(250);
    const times = await edges();
    expect(times.map(({ level }) => level)).toEqual([1, 0, 1, 0, 1, 0, 1, 0, 1, 0]);
    expect([times[0]!.timeNs, times[5]!.timeNs]).toEqual([100e6, 200e6]);
    times.slice(1).forEach(({ timeNs }, i) => {
      if (i === 4) return;
      const pause = timeNs - times[i]!.timeNs;
      expect(pause).toBeGreaterThanOrEqual(BOUNCE_MIN_NS);
      expect(pause).toBeLessThanOrEqual(BOUNCE_MAX_NS);
    });
    expect(coprocessor.pin('A').level).toBe(0);
  });

  it('bounces the same way with the same seed', async () => {
    const run = async (seed: number) => {
      const { time, coprocessor, edges } = await monitored({ seed });
      coprocessor.addStimulus(parseStimulus('bounce:A:100ms:9'));
      time.advance(120);
      return edges();
    };
    expect(await run(8)).toEqual(await run(8));
    expect(await run(9)).not.toEqual(await run(8));
  });
});

describe('replay', () => {
  it('plays wires on the lines of their names at their times, once; x and z leave the level', async () => {
    const { time, coprocessor, edges } = await monitored();
    const path = vcd('#1000 $dumpvars 1! x" $end #1500 z! 1" #2000 0! #2000 1! #2500 x!\n#3000 0"');
    time.advance(10);
    coprocessor.addStimulus(parseStimulus(`replay:${path}`));
    time.advance(50);
    expect(await edges()).toEqual([
      { level: 1, timeNs: 10_000_000 },
      { level: 1, timeNs: 10_500_000 },
      { level: 0, timeNs: 11_000_000 },
      { level: 1, timeNs: 11_000_000 },
      { level: 0, timeNs: 12_000_000 },
    ]);
    expect([coprocessor.pin('A').level, coprocessor.pin('B').level]).toEqual([1, 0]);
  });

  it('finds lines by the names that mon --vcd gives them', async () => {
    const head = '$timescale 1us $end $var wire 1 a line2 $end $var wire 1 b C_1 $end $var wire 1 c B_1 $end';
    const { time, coprocessor } = await monitored();
    coprocessor.addStimulus(parseStimulus(`replay:${vcd('#0 1a 1b 1c', head)}`));
    time.advance(2);
    expect([0, 1, 2, 3].map((line) => coprocessor.pin(line).level)).toEqual([0, 1, 1, 1]);
  });

  it('plays on another controller', async () => {
    const time = new HandTime();
    const coprocessor = new SimulatedCoprocessor({ lines: 2, controllers: 2, names: ['X', 'Y', 'A'] }, time);
    running.push(coprocessor);
    coprocessor.addStimulus(parseStimulus(`replay:${vcd('#0 1!')}:2`));
    time.advance(2);
    expect([coprocessor.pin(0, 1).level, coprocessor.pin('A', 2).level]).toEqual([0, 1]);
  });

  it('plays a large file without keeping it', async () => {
    const { time, coprocessor } = await monitored();
    const many = Array.from({ length: 200_000 }, (_, i) => `#${i}\n${i % 2}!\n`).join('');
    coprocessor.addStimulus(parseStimulus(`replay:${vcd(many)}`));
    for (let i = 0; i < 400; i++) time.advance(1);
    expect(coprocessor.stats().total.sensed).toBe(199_999);
  });

  it.each([
    ['a file that is not there', () => join(directory, 'none.vcd'), 'IO_ERROR', 'none.vcd: cannot be read'],
    ['a directory', () => directory, 'IO_ERROR', 'it is no file'],
    [
      'no wire of any line',
      () => vcd('', '$timescale 1us $end $var wire 1 ! Q $end'),
      'INVALID_ARGUMENT',
      "it has 'Q'",
    ],
    [
      'two wires of one name',
      () => vcd('', '$timescale 1us $end $var wire 1 ! A $end\n$var wire 1 " A $end'),
      'INVALID_ARGUMENT',
      "dump.vcd:2: another wire 'A' stands in line 1",
    ],
    [
      'what stands wrong far below',
      () => vcd('#1\n1!\n#0'),
      'INVALID_ARGUMENT',
      'dump.vcd:4: time goes back',
    ],
  ])('is refused at the start: %s', (_, path, name, why) => {
    const stimuli = [parseStimulus(`replay:${path()}`)];
    const start = () => new SimulatedCoprocessor({ lines: 4, names: ['A', 'B'], stimuli });
    expect(start).toThrow(expect.objectContaining({ name }));
    expect(start).toThrow(why);
  });

  it('that is added later ends where its file is wrong, and says so', async () => {
    const { time, coprocessor } = await monitored();
    const problems: string[] = [];
    coprocessor.problems$.subscribe(({ message }) => problems.push(message));
    const path = vcd('#0 1!\n#10 0!\n#5 1!');
    expect(() => coprocessor.checkStimulus(parseStimulus(`replay:${path}`))).toThrow(':4: time goes back');
    coprocessor.addStimulus(parseStimulus(`replay:${path}`));
    time.advance(5);
    expect(coprocessor.pin('A').level).toBe(0);
    expect(problems).toEqual([expect.stringContaining('dump.vcd:4: time goes back from #10 to #5')]);
  });

  it('ends with the stimuli', async () => {
    const { time, coprocessor } = await monitored();
    coprocessor.addStimulus(parseStimulus(`replay:${vcd('#0 1! #1000 0!')}`));
    time.advance(0.5);
    coprocessor.stopStimuli();
    time.advance(10);
    expect(coprocessor.pin('A').level).toBe(1);
  });
});

describe('drift', () => {
  it('makes the device clock fast, edges and boots included', async () => {
    const { time, coprocessor, edges } = await monitored({ faults: [parseFault('drift:1000')] });
    coprocessor.addStimulus(parseStimulus('toggle:A:1s'));
    time.advance(2000);
    coprocessor.setFault(parseFault('drift:-1000'));
    time.advance(1000);
    expect((await edges()).map(({ timeNs }) => timeNs)).toEqual([
      1_001_000_000, 2_002_000_000, 3_001_000_000,
    ]);
  });
});

describe('faults that come and go', () => {
  it('reboot from the moment they are set until they are cleared', async () => {
    const { time, coprocessor } = await monitored();
    time.advance(5000);
    coprocessor.setFault(parseFault('reboot:1s'));
    time.advance(2500);
    expect(coprocessor.stats().boots).toBe(3);
    coprocessor.clearFaults();
    time.advance(10_000);
    expect(coprocessor.stats().boots).toBe(3);
  });
});

describe('ports', () => {
  it('close and open again where they were', async () => {
    const coprocessor = new SimulatedCoprocessor({ lines: 1 });
    running.push(coprocessor);
    const { name } = await coprocessor.listen('tcp:127.0.0.1:0');
    await coprocessor.listen(`unix:${join(directory, 'hub')}`);
    await coprocessor.closePorts();
    const other = new SimulatedCoprocessor({ lines: 1 });
    running.push(other);
    await other.listen(name);
    await expect(coprocessor.openPorts()).rejects.toMatchObject({ name: 'BUSY' });
    await other.close();
    await coprocessor.openPorts();
    await expect(coprocessor.listen(name)).rejects.toMatchObject({ name: 'BUSY' });
    await expect(coprocessor.listen(`unix:${join(directory, 'hub')}`)).rejects.toMatchObject({
      name: 'BUSY',
    });
  });
});
