import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatLineSpec, MAX_SYNTHETIC_LINES, parseLineSpec, parseLineSpecs } from './line-spec.js';

const short = (texts: readonly string[]) =>
  parseLineSpecs(texts).map(({ parent, line, rename }) => [
    parent,
    line,
    ...(rename === undefined ? [] : [rename]),
  ]);

describe('line specifications', () => {
  it('name lines by offset, range and name, in any order, of several chips', () => {
    expect(short(['hub:3-5', 'imu.2:0', 'hub:DOOR_LOCK', 'hub:9-8'])).toEqual([
      ['hub', 3],
      ['hub', 4],
      ['hub', 5],
      ['imu.2', 0],
      ['hub', 'DOOR_LOCK'],
      ['hub', 9],
      ['hub', 8],
    ]);
  });

  it('give lines other names', () => {
    expect(short(['hub:4=door-sensor', 'hub:DOOR=a=b', 'hub:"x=1"=y'])).toEqual([
      ['hub', 4, 'door-sensor'],
      ['hub', 'DOOR', 'a=b'],
      ['hub', 'x=1', 'y'],
    ]);
  });

  it('take names that look like something else in quotes, and names with colons, dashes and spaces as they are', () => {
    expect(
      short(['hub:"5"', 'hub:"3-4"', 'hub:a "b"', 'hub:"say \\"x\\""', 'hub:gpio:7', 'hub:3-x']),
    ).toEqual([
      ['hub', '5'],
      ['hub', '3-4'],
      ['hub', 'a "b"'],
      ['hub', 'say "x"'],
      ['hub', 'gpio:7'],
      ['hub', '3-x'],
    ]);
  });

  it('that cannot be read are refused, each with what is wrong', () => {
    const bad: [readonly string[], RegExp][] = [
      [[], /at least one line/],
      [['hub'], /write CHIP:OFFSET/],
      [['hub:'], /write CHIP:OFFSET/],
      [[':3'], /write CHIP:OFFSET/],
      [['hub:3-5=x'], /a range cannot be renamed/],
      [['hub:3='], /the name is empty/],
      [['hub:=x'], /write CHIP:"NAME"/],
      [['hub:"x'], /write CHIP:"NAME"/],
      [['hub:""'], /the name is empty/],
      [['hub:99999'], /no chip has a line 99999/],
      [['hub:0-512'], /513 lines: at most 512/],
      [['hub:3=a\nb'], /control characters/],
      [['hub:3', 'hub:2-4'], /line 3 of chip 'hub' is there already/],
      [['a:0-511', 'b:0'], new RegExp(`more than ${MAX_SYNTHETIC_LINES} lines`)],
    ];
    for (const [texts, message] of bad) {
      expect(() => parseLineSpecs(texts), texts.join()).toThrow(message);
    }
  });

  it('read back what was written for any name', () => {
    const name = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
      .filter((text) => !/[\p{Cc}\p{Cs}]/u.test(text));
    fc.assert(
      fc.property(name, (line) => {
        expect(parseLineSpec(formatLineSpec('hub', line))).toMatchObject([
          { parent: 'hub', line, rename: undefined },
        ]);
      }),
    );
  });

  it('never throw anything but INVALID_ARGUMENT', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseLineSpecs([text, `hub:${text}`]);
        } catch (thrown) {
          expect(thrown).toMatchObject({ name: 'INVALID_ARGUMENT' });
        }
      }),
    );
  });
});
