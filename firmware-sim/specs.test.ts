import { describe, expect, it } from 'vitest';
import { SimulatedCoprocessor } from './coprocessor.js';
import { parseFault } from './fault.js';
import { parseStimulus } from './stimulus.js';

describe('parseStimulus', () => {
  it.each([
    ['toggle:DOOR:250us', { kind: 'toggle', controller: 1, line: 'DOOR', periodNs: 250_000 }],
    ['toggle:3:1.5s', { kind: 'toggle', controller: 1, line: 3, periodNs: 1_500_000_000 }],
    [
      'pulse:2:7:10ms:1ms',
      { kind: 'pulse', controller: 2, line: 7, periodNs: 10_000_000, widthNs: 1_000_000 },
    ],
    ['random:0-15:2000', { kind: 'random', controller: 1, first: 0, last: 15, edgesPerSecond: 2000 }],
    ['random:3:4-4:0.5', { kind: 'random', controller: 3, first: 4, last: 4, edgesPerSecond: 0.5 }],
    ['bounce:DOOR:1s:7', { kind: 'bounce', controller: 1, line: 'DOOR', periodNs: 1e9, edges: 7 }],
    ['bounce:2:3:50ms:1', { kind: 'bounce', controller: 2, line: 3, periodNs: 5e7, edges: 1 }],
    ['replay:a.vcd', { kind: 'replay', controller: 1, path: 'a.vcd' }],
    ['replay:/tmp/10:30/a.vcd:2', { kind: 'replay', controller: 2, path: '/tmp/10:30/a.vcd' }],
  ])('takes %s', (text, stimulus) => {
    expect(parseStimulus(text)).toEqual(stimulus);
  });

  it.each([
    ['', "'' is no kind of stimulus"],
    ['blink:1:1ms', "'blink' is no kind of stimulus"],
    ['toggle', 'write toggle:LINE:PERIOD'],
    ['toggle:1', 'write toggle:LINE:PERIOD'],
    ['toggle::1ms', 'write toggle:LINE:PERIOD'],
    ['toggle:1:2:3:4ms', 'write toggle:LINE:PERIOD'],
    ['toggle:x:1:1ms', "'x' is no controller's number"],
    ['toggle:0:1:1ms', "'0' is no controller's number"],
    ['toggle:1:10', "'10' is no period"],
    ['toggle:1:0ms', 'out of range'],
    ['toggle:1:-5ms', "'-5ms' is no period"],
    ['toggle:1:5min', "'5min' is no period"],
    ['pulse:1:1ms:1ms', 'the width must be less than the period'],
    ['random:1:100', "'1' is no range of lines"],
    ['random:5-1:100', 'ends before it begins'],
    ['random:0-1:0', "'0' is no rate"],
    ['random:0-1:1000001', "'1000001' is no rate"],
    ['random:0-1:1e3', "'1e3' is no rate"],
    ['bounce:1:1s', 'write bounce:LINE:PERIOD:EDGES'],
    ['bounce:1:1s:4', "'4' is no number of edges: an odd number from 1 to 999"],
    ['bounce:1:1s:1001', "'1001' is no number of edges"],
    ['bounce:1:12ms:7', '7 edges may take 12ms: the period must be longer'],
    ['replay:', 'write replay:FILE.vcd'],
    ['replay:a.vcd:0', "'0' is no controller's number"],
    ['constructor:1:1s', "'constructor' is no kind of stimulus"],
  ])("refuses '%s'", (text, why) => {
    expect(() => parseStimulus(text)).toThrow(expect.objectContaining({ name: 'INVALID_ARGUMENT' }));
    expect(() => parseStimulus(text)).toThrow(why);
  });
});

describe('parseFault', () => {
  it.each([
    ['corrupt:0.001', { kind: 'corrupt', probability: 0.001 }],
    ['drop:1e-4', { kind: 'drop', probability: 0.0001 }],
    ['drop:0', { kind: 'drop', probability: 0 }],
    ['reboot:3s', { kind: 'reboot', periodNs: 3e9 }],
    ['duplicate:0.25', { kind: 'duplicate', probability: 0.25 }],
    ['delay:20ms', { kind: 'delay', delayNs: 2e7 }],
    ['delay:0s', { kind: 'delay', delayNs: 0 }],
    ['stall:1s:200ms', { kind: 'stall', periodNs: 1e9, lengthNs: 2e8 }],
    ['crash:1s:200ms', { kind: 'crash', periodNs: 1e9, lengthNs: 2e8 }],
    ['late:1.5s', { kind: 'late', delayNs: 1.5e9 }],
    ['lose:0.01', { kind: 'lose', probability: 0.01 }],
    ['repeat:0', { kind: 'repeat', probability: 0 }],
    ['silent:1', { kind: 'silent', probability: 1 }],
    ['refuse:1', { kind: 'refuse', probability: 1 }],
    ['drift:-37.5', { kind: 'drift', ppm: -37.5 }],
    ['drift:+500', { kind: 'drift', ppm: 500 }],
  ])('takes %s', (text, fault) => {
    expect(parseFault(text)).toEqual(fault);
  });

  it.each([
    ['corrupt', "'' is no probability"],
    ['corrupt:1', "'1' is no probability"],
    ['drop:-1', "'-1' is no probability"],
    ['drop:often', "'often' is no probability"],
    ['reboot:3', "'3' is no period"],
    ['fire:1', "'fire' is no kind of fault"],
    ['duplicate:1', "'1' is no probability"],
    ['delay:fast', "'fast' is no time"],
    ['delay:700000s', 'out of range: from 0s to 604800s'],
    ['stall:1s', 'write stall:PERIOD:TIME'],
    ['stall:1s:1s', 'the time must be less than the period'],
    ['crash:1s', 'write crash:PERIOD:TIME'],
    ['crash:1s:2s', 'the time must be less than the period'],
    ['silent:1.5', "'1.5' is no probability from 0 to 1"],
    ['late:soon', "'soon' is no time"],
    ['stall:0s:0s', 'out of range'],
    ['drift:1e3', "'1e3' is no drift"],
    ['drift:100001', 'parts in a million from -100000 to 100000'],
  ])("refuses '%s'", (text, why) => {
    expect(() => parseFault(text)).toThrow(expect.objectContaining({ name: 'INVALID_ARGUMENT' }));
    expect(() => parseFault(text)).toThrow(why);
  });
});

describe('the options of a coprocessor', () => {
  const NONE = { irq: false, stamp: false, queue: false };
  const toggle = { kind: 'toggle', controller: 1, line: 0, periodNs: 1e6 } as const;
  const random = { kind: 'random', controller: 1, first: 0, last: 9, edgesPerSecond: 5 } as const;
  it.each([
    ['no lines', { lines: 0 }, 'lines is 0'],
    ['too many lines', { lines: 65_536 }, 'lines is 65536'],
    ['too many controllers', { controllers: 1025 }, 'controllers is 1025'],
    ['too many names', { lines: 1, names: ['A', 'B'] }, '2 names for 1 lines'],
    ['a name twice', { names: ['A', 'A'] }, "lines 0 and 1 are both named 'A'"],
    ['a name that is not ASCII', { names: ['Tür'] }, 'is not printable ASCII'],
    [
      'queue without stamp',
      { features: { ...NONE, irq: true, queue: true } },
      "feature 'queue' needs 'stamp'",
    ],
    ['stamp without irq', { features: { ...NONE, stamp: true } }, "feature 'stamp' needs 'irq'"],
    [
      'stamp without F_TIME',
      { busFeatures: { time: false } },
      "feature 'stamp' needs the bus feature 'time'",
    ],
    ['two controllers of rpmsg-gpio', { dialect: 'rpmsg-gpio', controllers: 2 }, 'has one on a channel'],
    ['too many ports', { dialect: 'srtm', controllers: 257 }, 'srtm has ports 0 to 255'],
    ['too many lines of a port', { dialect: 'srtm', lines: 257 }, 'srtm addresses 1 to 256'],
    ['too many lines of v14', { dialect: 'rpmsg-gpio-v14', lines: 257 }, 'v14 addresses 1 to 256'],
    ['a line that is too slow', { baud: 49 }, 'baud is 49: give a number from 50 to 20000000'],
    ['a depth out of range', { eventDepth: 1025 }, 'an event depth of 1025'],
    ['an identity too long', { ident: 'x'.repeat(33) }, 'the identity'],
    ['a stimulus of no line', { stimuli: [{ ...toggle, line: 'NOWHERE' }] }, "no line 'NOWHERE'"],
    ['a stimulus of no controller', { stimuli: [{ ...toggle, controller: 2 }] }, 'no controller 2'],
    ['a random range beyond the lines', { lines: 5, stimuli: [random] }, "no line '9'"],
  ] as const)('refuse %s', (_, options, why) => {
    expect(() => new SimulatedCoprocessor(options)).toThrow(why);
  });

  it('name the lines of all controllers differently by default', async () => {
    const coprocessor = new SimulatedCoprocessor({ lines: 40, controllers: 3 });
    const names = coprocessor.options.namesByController.flat().filter((name) => name !== '');
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBe(3 * 32);
    await coprocessor.close();
  });
});
