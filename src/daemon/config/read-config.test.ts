import { describe, expect, it } from 'vitest';
import type { ConfigInvalid } from '../../base/problems.js';
import { TIMEOUTS } from '../../base/timeouts.js';
import type { DaemonConfig } from './config.js';
import { readConfig } from './read-config.js';

function problemsOf(
  toml: string | undefined,
  links: { name: string; url: string }[] = [],
): readonly string[] {
  try {
    readConfig(toml, 'test.toml', links);
    return [];
  } catch (thrown) {
    return (thrown as ConfigInvalid).problems;
  }
}

function read(toml: string | undefined, links: { name: string; url: string }[] = []): DaemonConfig {
  return readConfig(toml, 'test.toml', links);
}

const HUB = '[[coprocessor]]\nname = "hub"\nlink = "unix:/tmp/hub"\n';

describe('readConfig', () => {
  it('fills every default in', () => {
    const { coprocessors, log, limits, controlGroup } = read(HUB);
    expect(log).toEqual({ level: 'info', format: 'logfmt' });
    expect(limits.clientQueue).toBe(16_384);
    expect(controlGroup).toBeUndefined();
    expect(coprocessors).toHaveLength(1);
    expect(coprocessors[0]).toMatchObject({
      name: 'hub',
      link: 'unix:/tmp/hub',
      dialect: 'auto',
      onRestart: 'restore',
      access: { mode: 0o660, owner: undefined, group: undefined },
    });
    expect(coprocessors[0]!.timeouts.request).toBe(TIMEOUTS.request.defaultMs);
  });

  it('takes what is configured, and a coprocessor before all for its time limits', () => {
    const toml = `
      control_group = "adm"
      [timeouts]
      request_ms = 2_000
      hello_ms = 300
      ${HUB}
      label = "Hub"
      on_restart = "release"
      owner = "0"
      mode = "0600"
      [coprocessor.timeouts]
      request_ms = 3_000
    `;
    const config = read(toml);
    expect(config.controlGroup).toBe('adm');
    expect(config.timeouts).toEqual({ request: 2_000, hello: 300 });
    expect(config.coprocessors[0]).toMatchObject({
      label: 'Hub',
      onRestart: 'release',
      access: { owner: '0', mode: 0o600 },
      timeouts: { request: 3_000, hello: 300 },
    });
  });

  it('lets links of the command line add and replace', () => {
    const links = [
      { name: 'hub', url: 'tcp:host:1' },
      { name: 'mcu', url: 'serial:/dev/ttyACM0?baud=921600' },
    ];
    const found = read(`${HUB}label = "kept"`, links).coprocessors;
    expect(found.map(({ name, link, label }) => [name, link, label])).toEqual([
      ['hub', 'tcp:host:1', 'kept'],
      ['mcu', 'serial:/dev/ttyACM0?baud=921600', undefined],
    ]);
    expect(read('[[coprocessor]]\nname = "hub"', [links[0]!]).coprocessors[0]!.link).toBe('tcp:host:1');
  });

  it('tells every error at once, each with its key', () => {
    const toml = `
      colour = "red"
      control_group = "a b"
      [log]
      level = "loud"
      [limits]
      client_queue_events = 1
      [timeouts]
      request_ms = 1
      request = 5
      [[coprocessor]]
      name = "hub"
      link = "carrier-pigeon:home"
      mode = "rw"
      on_restart = 3
      [coprocessor.timeouts]
      hello_ms = "soon"
      [[coprocessor]]
      name = "hub"
      [[coprocessor]]
      name = "7"
      link = "unix:/tmp/x"
      pins = 4
      [[coprocessor]]
      link = 5
    `;
    const problems = problemsOf(toml);
    const keys = problems.map((problem) => problem.slice(0, problem.indexOf(': ')));
    expect(keys.sort()).toEqual([
      'colour',
      'control_group',
      'coprocessor[0].link',
      'coprocessor[0].mode',
      'coprocessor[0].on_restart',
      'coprocessor[0].timeouts.hello_ms',
      'coprocessor[1].link',
      'coprocessor[1].name',
      'coprocessor[2].name',
      'coprocessor[2].pins',
      'coprocessor[3].link',
      'coprocessor[3].name',
      'limits.client_queue_events',
      'log.level',
      'timeouts.request',
      'timeouts.request_ms',
    ]);
    expect(problems.every((problem) => !problem.includes('\n'))).toBe(true);
  });

  it('says where the file is no TOML', () => {
    expect(problemsOf('[[coprocessor]]\nname = \n')).toEqual([expect.stringMatching(/^test\.toml:2:\d+: /)]);
    expect(problemsOf('coprocessor = 5')).toEqual([
      expect.stringContaining('[[coprocessor]]'),
      expect.stringContaining('none is configured'),
    ]);
  });

  it('wants at least one coprocessor, and says how', () => {
    expect(problemsOf(undefined)).toEqual([expect.stringContaining('--link NAME=URL')]);
  });

  it('checks links of the command line too', () => {
    const links = [
      { name: 'a/b', url: 'unix:/tmp/x' },
      { name: 'c', url: 'nothing' },
      { name: 'd', url: 'unix:/d' },
      { name: 'd', url: 'unix:/d' },
    ];
    expect(problemsOf(undefined, links)).toEqual([
      expect.stringContaining("--link a/b=unix:/tmp/x: 'a/b' is no name"),
      expect.stringContaining('--link c=nothing: '),
      expect.stringContaining("--link d=unix:/d: 'd' is given twice"),
    ]);
  });
});
