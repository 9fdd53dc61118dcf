import { describe, expect, it } from 'vitest';
import type { ConfigInvalid } from '../../base/problems.js';
import type { CoprocessorConfig } from './config.js';
import { readConfig } from './read-config.js';

const HEAD = '[[coprocessor]]\nname = "hub"\nlink = "unix:/tmp/hub"\n';

function read(toml: string): CoprocessorConfig {
  return readConfig(HEAD + toml, 'test.toml', []).coprocessors[0]!;
}

function problemsOf(toml: string): readonly string[] {
  try {
    read(toml);
    return [];
  } catch (thrown) {
    return (thrown as ConfigInvalid).problems;
  }
}

describe('lines of firmware that does not describe them', () => {
  it('are none where nothing is said', () => {
    expect(read('').ports).toEqual([]);
    expect(read('dialect = "virtio-msg"').ports).toEqual([]);
  });

  it('have numbers, names, and may wake the system up by either', () => {
    const toml = 'dialect = "rpmsg-gpio-v14"\nngpio = 8\nnames = ["DOOR", "", "LED"]\nwakeup = ["DOOR", 7]';
    expect(read(toml).ports).toEqual([
      { port: 0, lineCount: 8, names: ['DOOR', '', 'LED'], wakeup: new Set([0, 7]) },
    ]);
  });

  it('may be of several ports of srtm', () => {
    const toml =
      'dialect = "srtm"\nports = [{ number = 0, ngpio = 32 }, { number = 3, ngpio = 16, names = ["A"], wakeup = ["A"] }]';
    expect(read(toml).ports).toEqual([
      { port: 0, lineCount: 32, names: [], wakeup: new Set() },
      { port: 3, lineCount: 16, names: ['A'], wakeup: new Set([0]) },
    ]);
  });

  it.each([
    ['dialect = "srtm"', ['coprocessor[0].ngpio: is missing (or ports)']],
    ['dialect = "rpmsg-gpio"', ["coprocessor[0].ngpio: is missing: firmware that speaks 'rpmsg-gpio'"]],
    ['dialect = "virtio-msg"\nngpio = 4', ["coprocessor[0].ngpio: dialect 'virtio-msg' has no use for it"]],
    [
      'dialect = "virtio-msg"\nwakeup = [1]',
      ["coprocessor[0].wakeup: dialect 'virtio-msg' has no use for it"],
    ],
    [
      'dialect = "rpmsg-gpio"\nngpio = 4\nwakeup = [1]',
      ["coprocessor[0].wakeup: dialect 'rpmsg-gpio' cannot wake"],
    ],
    [
      'dialect = "rpmsg-gpio"\nports = [{ number = 0, ngpio = 4 }]',
      ["coprocessor[0].ports: dialect 'rpmsg-gpio' has none"],
    ],
    ['dialect = "rpmsg-gpio-v14"\nngpio = 257', ['coprocessor[0].ngpio: 257 is not within 1 to 256']],
    ['ngpio = 2\nnames = ["A", "B", "C"]', ['coprocessor[0].names: 3 names for 2 lines']],
    ['ngpio = 2\nnames = ["A", "A"]', ["coprocessor[0].names: 'A' is there twice"]],
    ['ngpio = 2\nnames = ["\\u00e4"]', ['coprocessor[0].names: ']],
    ['ngpio = 2\nwakeup = ["NONE"]', ['coprocessor[0].wakeup: "NONE" is no line']],
    ['ngpio = 2\nwakeup = [2]', ['coprocessor[0].wakeup: 2 is no line']],
    ['ngpio = 2\nwakeup = 1', ['coprocessor[0].wakeup: expected a list']],
    ['names = ["A"]', ['coprocessor[0].names: needs ngpio']],
    ['ngpio = 2\nports = [{ number = 1, ngpio = 2 }]', ['coprocessor[0].ngpio: is of one port']],
    ['ports = []', ['coprocessor[0].ports: is empty']],
    [
      'ports = [{ ngpio = 2 }, { number = 1 }, { number = 1, ngpio = 2, colour = 3 }]',
      [
        'coprocessor[0].ports[0].number: is missing',
        'coprocessor[0].ports[1].ngpio: is missing',
        'coprocessor[0].ports[2].number: port 1 is there already',
        'coprocessor[0].ports[2].colour: unknown key',
      ],
    ],
  ])('refuses %j', (toml, expected) => {
    expect(problemsOf(toml)).toEqual(expected.map((problem) => expect.stringContaining(problem)));
  });
});
