import { expect, it } from 'vitest';
import type { DaemonStatus } from '../api/client/types.js';
import { statusText } from './status-text.js';

const chip = (name: string, reason: string | null) => ({
  name,
  label: 'fw',
  lines: 4,
  countsLoss: true,
  state: reason === null ? ('up' as const) : ('down' as const),
  reason,
  clients: 0,
  requests: 0,
  persistentLines: 0,
  counters: {},
});

it('tells below the table of chips why one is down, however long that is', () => {
  const why = 'no device answers behind /dev/serial/by-id/usb-Some_Very_Long_Name: plug it in';
  const status: DaemonStatus = {
    version: '0.0.0',
    pid: 1,
    runtimeDir: '/run',
    uptimeMs: 1,
    clients: 0,
    requests: 0,
    persistentLines: 0,
    timers: 0,
    memory: { rssBytes: 1, heapUsedBytes: 1, externalBytes: 1 },
    counters: {},
    coprocessors: [],
    chips: [chip('hub', why), chip('mcu', null)],
    exports: [],
  };
  const text = statusText(status);
  expect(text).toMatch(/^hub {3}down {3}4 /m);
  expect(text).toMatch(/^mcu {3}up {5}4 /m);
  expect(text.endsWith(`\n  hub is down: ${why}\n`)).toBe(true);
});
