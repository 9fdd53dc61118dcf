import { describe, expect, it } from 'vitest';
import { ConfigInvalid } from '../../base/problems.js';
import { existingAccounts } from './accounts.js';
import { type LinkOption, readConfig } from './read-config.js';

/** Everything that is wrong is told at once, whatever else is. */
function problemsOf(toml: string, links: readonly LinkOption[] = []): readonly string[] {
  try {
    readConfig(toml, 'test.toml', links, existingAccounts);
  } catch (thrown) {
    if (thrown instanceof ConfigInvalid) return thrown.problems;
    throw thrown;
  }
  return [];
}
const keysOf = (problems: readonly string[]) => problems.map((problem) => problem.split(': ')[0]).sort();

describe('a configuration with many errors', () => {
  it('tells of users and groups that do not exist beside the others, each by its key', () => {
    const toml = `
      colour = 1
      control_group = "no-such-group"
      [metrics]
      socket = "/run/m"
      owner = "no-such-user"
      [[coprocessor]]
      name = "hub"
      link = "unix:/x"
      label = 3
      group = "no-such-group"
      [[export]]
      type = "vhost-user"
      chip = "hub"
      socket = "/run/vm"
      owner = "no-such-user"
      [[synthetic]]
      name = "door"
      lines = ["hub:1"]
      group = "no-such-group"`;
    const problems = problemsOf(toml);
    expect(keysOf(problems)).toEqual([
      'colour',
      'control_group',
      'coprocessor[0].group',
      'coprocessor[0].label',
      'export[0].owner',
      'metrics.owner',
      'synthetic[0].group',
    ]);
    expect(problems).toContain("control_group: there is no group 'no-such-group'");
    expect(problems).toContain("metrics.owner: there is no user 'no-such-user'");
  });

  it('tells of each thing that is wrong with a list of names', () => {
    const problems = problemsOf('[[coprocessor]]\nname = "hub"\nlink = "unix:/x"\nnames = ["A", "A", "ü"]\n');
    expect(problems).toContain("coprocessor[0].names: 'A' is there twice");
    expect(keysOf(problems)).toEqual(Array(3).fill('coprocessor[0].names'));
  });

  it('tells of each thing that is wrong with a link of the command line', () => {
    const links = [
      { name: 'hub', url: 'unix:/x' },
      { name: 'hub', url: 'y' },
      { name: '', url: 'unix:/z' },
      { name: undefined, url: 'foo' },
    ];
    const problems = problemsOf('', links);
    expect(keysOf(problems)).toEqual(['--link =unix:/z', '--link foo', '--link hub=y', '--link hub=y']);
    expect(problems).toContain('--link foo: it must be NAME=URL');
  });

  it('names every key that is known, those of tables that are not there as well', () => {
    const [problem] = problemsOf('colour = 1\n[[coprocessor]]\nname = "hub"\nlink = "unix:/x"\n');
    expect(problem).toBe(
      'colour: unknown key; known here: control_group, coprocessor, export, limits, log, metrics, synthetic, timeouts',
    );
  });
});
