import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TIMEOUTS } from '../../src/base/timeouts.js';
import { readConfig } from '../../src/daemon/config/read-config.js';

const page = readFileSync(new URL('../../docs/operation.md', import.meta.url), 'utf8');

describe('docs/operation.md', () => {
  it('lists every time limit as it is', () => {
    const listed = [...page.matchAll(/^\| `(\w+)` \| (\d+) \| (\d+) \.\. (\d+) \| (.+) \|$/gm)].map(
      ([, name, defaultMs, minMs, maxMs, what]) => [
        name,
        { defaultMs: Number(defaultMs), minMs: Number(minMs), maxMs: Number(maxMs), what },
      ],
    );
    expect(Object.fromEntries(listed)).toEqual(TIMEOUTS);
  });

  it('shows a configuration that is valid', () => {
    const toml = /```toml\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
    const config = readConfig(toml, 'the example', []);
    expect(config.coprocessors.map(({ name, timeouts }) => [name, timeouts.request])).toEqual([
      ['hub', 3_000],
    ]);
    expect(config.metrics).toMatchObject({ intervalMs: 15_000, access: { mode: 0o660 } });
  });
});

describe('the metrics in docs/operation.md', () => {
  it('are those that there are', async () => {
    const source = readFileSync(
      new URL('../../src/daemon/metrics/daemon-metrics.ts', import.meta.url),
      'utf8',
    );
    const made = new Set([...source.matchAll(/gauge\(\s*'(gpiobridge_\w+)'/g)].map(([, name]) => name));
    const listed = new Set([...page.matchAll(/`(gpiobridge_[a-z_]+)`/g)].map(([, name]) => name));
    expect([...listed].sort()).toEqual([...made].sort());
  });
});
