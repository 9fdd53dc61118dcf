import { describe, expect, it } from 'vitest';
import type { ConfigInvalid } from '../../base/problems.js';
import type { ExportConfig } from './config.js';
import { readConfig } from './read-config.js';

const HUB = '[[coprocessor]]\nname = "hub"\nlink = "unix:/tmp/hub"\n';

function read(toml: string): readonly ExportConfig[] {
  return readConfig(HUB + toml, 'test.toml', []).exports;
}

function problemsOf(toml: string): readonly string[] {
  try {
    read(toml);
    return [];
  } catch (thrown) {
    return (thrown as ConfigInvalid).problems;
  }
}

describe('[[export]]', () => {
  it('is named by its socket, or by name', () => {
    const exports = read(`
      [[export]]
      type = "vhost-user"
      chip = "door"
      socket = "/run/vm/web.front.sock"
      owner = "0"
      mode = "0600"
      [[export]]
      type = "vhost-user"
      name = "other"
      chip = "hub.2"
      socket = "/run/vm2/web.front.sock"
    `);
    expect(exports).toMatchObject([
      { type: 'vhost-user', name: 'web.front', chip: 'door', access: { owner: '0', mode: 0o600 } },
      { name: 'other', chip: 'hub.2', socket: '/run/vm2/web.front.sock', access: { mode: 0o660 } },
    ]);
    expect(read('')).toEqual([]);
  });

  it('is told of with every key that is wrong', () => {
    const problems = problemsOf(`
      [[export]]
      type = "usb"
      chip = "a/b"
      socket = "relative"
      speed = 3
      [[export]]
      [[export]]
      type = "vhost-user"
      chip = "hub"
      socket = "/run/a.sock"
      [[export]]
      type = "vhost-user"
      chip = "hub"
      socket = "/run/a.sock"
      [[export]]
      type = "vhost-user"
      chip = "hub"
      socket = "/run/b/a.sock"
      [[export]]
      type = "vhost-user"
      chip = "hub"
      socket = "/run/${'x'.repeat(120)}"
      [[export]]
      type = "vhost-user"
      chip = "hub"
      socket = "/run/12.sock"
    `);
    expect(problems.map((problem) => problem.slice(0, problem.indexOf(': '))).sort()).toEqual([
      'export[0].chip',
      'export[0].socket',
      'export[0].speed',
      'export[0].type',
      'export[1].chip',
      'export[1].socket',
      'export[1].type',
      'export[3].name',
      'export[3].socket',
      'export[4].name',
      'export[5].socket',
      'export[6].name',
    ]);
  });
});
