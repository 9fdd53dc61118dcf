import { describe, expect, it } from 'vitest';
import type { ConfigInvalid } from '../../base/problems.js';
import { readConfig } from './read-config.js';

const HUB = '[[coprocessor]]\nname = "hub"\nlink = "unix:/tmp/hub"\n';
const read = (toml: string) => readConfig(HUB + toml, 'test.toml', []);

function problemsOf(toml: string): readonly string[] {
  try {
    read(toml);
    return [];
  } catch (thrown) {
    return (thrown as ConfigInvalid).problems;
  }
}

const chip = (name: string, lines: string, more = '') =>
  `[[synthetic]]\nname = "${name}"\nlines = [${lines}]\n${more}\n`;

describe('[[synthetic]]', () => {
  it('describes chips, with what was left out left out', () => {
    const { synthetics } = read(
      chip('door', '"hub:3-5", "hub.2:LOCK"') +
        chip('lamp', '"hub:7=x"', 'owner = "0"\ngroup = "adm"\nmode = "640"\nshared = true'),
    );
    expect(synthetics.map(({ description }) => description)).toEqual([
      { name: 'door', lines: ['hub:3-5', 'hub.2:LOCK'], shared: false },
      { name: 'lamp', lines: ['hub:7=x'], owner: '0', group: 'adm', mode: '0640', shared: true },
    ]);
    expect(synthetics.map(({ access }) => access.mode)).toEqual([0o660, 0o640]);
  });

  it('is refused with every error and its key', () => {
    const bad: [string, string[]][] = [
      ['[[synthetic]]\n', ['synthetic[0].name: is missing', 'synthetic[0].lines: is missing']],
      [chip('a/b', '"hub:1"'), ["synthetic[0].name: 'a/b' is no name"]],
      [
        chip('.x', '"hub:1"'),
        [
          "synthetic[0].name: '.x' is no name: use up to 64 letters, digits, '_', '-' and '.', beginning with a letter, a digit or '_', not only digits",
        ],
      ],
      [
        chip('door', '"hub:1"', 'owner = "4294967295"\ngroup = "99999999999"'),
        [
          "synthetic[0].owner: '4294967295' is no number of a user or group: they go from 0 to 4294967294",
          "synthetic[0].group: '99999999999' is no number",
        ],
      ],
      [chip('door', ''), ['synthetic[0].lines: at least one line must be named']],
      [chip('door', '"hub:1-"').replace('hub:1-', 'hub'), ['synthetic[0].lines: line specification "hub"']],
      [
        chip('door', '"hub:1"', 'mode = "999"\ncolour = 1'),
        ["mode: '999' is no mode", 'colour: unknown key'],
      ],
      [chip('hub', '"hub:1"'), ["synthetic[0].name: 'hub' is the name of a chip of coprocessor 'hub'"]],
      [chip('hub.3', '"hub:1"'), ["synthetic[0].name: 'hub.3' is the name of a chip of coprocessor 'hub'"]],
      [
        chip('door', '"imu:1"'),
        ["synthetic[0].lines: there is no chip 'imu', nor a coprocessor of that name"],
      ],
      [chip('door', '"hub:1"') + chip('door', '"hub:2"'), ["synthetic[1].name: 'door' is there already"]],
      [
        chip('a', '"hub:1"') + chip('b', '"hub:0-1"', 'shared = true'),
        ["synthetic[1].lines: line 1 of chip 'hub' belongs to synthetic chip 'a'"],
      ],
      [
        chip('a', '"b:1"') + chip('b', '"hub:1"'),
        ["synthetic[0].lines: chip 'b' is synthetic itself: name the lines that it is made of"],
      ],
    ];
    for (const [toml, problems] of bad) {
      const found = problemsOf(toml);
      expect(found, toml).toHaveLength(problems.length);
      for (const [i, problem] of problems.entries()) expect(found[i], toml).toContain(problem);
    }
  });

  it('may share lines, where all do', () => {
    const shared = 'shared = true';
    expect(problemsOf(chip('a', '"hub:1"', shared) + chip('b', '"hub:1"', shared))).toEqual([]);
  });
});
