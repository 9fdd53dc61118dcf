import { describe, expect, it } from 'vitest';
import type { StatusSource } from '../../api/server/control-session.js';
import { daemonMetrics } from './daemon-metrics.js';

const COPROCESSOR = {
  name: 'hub',
  link: 'serial:/dev/x',
  link_state: 'up',
  reason: null,
  delivery: 'reliable',
  device: null,
  processor: null,
  dialect: 'virtio-msg',
  firmware: 'quote " and \\',
  boot_id: 7,
  round_trip_ns: 250_000,
  clock: { offset_ns: 1n, drift_ppm: 12.5, error_ns: 40_000, round_trip_ns: 1, samples: 3 },
  openings: 2,
  chips: ['hub.1', 'hub.2'],
  link_counters: { bytes_received: 1_000, data_resent: 0 },
  bus_counters: { sessions_started: 1 },
} as const;

const CHIP = {
  name: 'hub.1',
  label: 'l',
  lines: 32,
  counts_loss: true,
  state: 'up',
  reason: null,
  clients: 1,
  requests: 2,
  persistent_lines: 0,
  counters: { edges: 12 },
} as const;

const SOURCE: StatusSource = {
  daemon: () => ({
    version: '1.2.3',
    pid: 1,
    runtime_dir: '/run/x',
    uptime_ms: 1_500,
    clients: 3,
    requests: 4,
    persistent_lines: 0,
    timers: 3,
    memory: { rss_bytes: 5, heap_used_bytes: 6, external_bytes: 7 },
    counters: { calls: 8 },
  }),
  coprocessors: () => [
    COPROCESSOR,
    {
      ...COPROCESSOR,
      name: 'mcu',
      link_state: 'waiting',
      reason: 'unplugged',
      clock: null,
      round_trip_ns: null,
      chips: [],
    },
  ],
  chips: () => [CHIP, { ...CHIP, name: 'hub.2', state: 'down', reason: 'x', counters: { edges: 30 } }],
  exports: () => [
    {
      name: 'web',
      type: 'vhost-user',
      chip: 'hub',
      socket: '/run/vm/web.sock',
      state: 'running',
      reason: null,
      pid: 7,
      features: ['version_1'],
      lines: 32,
      requested_lines: [1, 3],
      waiting_requests: 0,
      outdated: false,
      broken_queues: [],
      counters: { edges_delivered: 5 },
    },
  ],
};

describe('daemonMetrics', () => {
  it('tells what status tells, in base units', async () => {
    const lines = (await daemonMetrics(SOURCE)).split('\n');
    for (const line of [
      'gpiobridge_build_info{version="1.2.3"} 1',
      'gpiobridge_uptime_seconds 1.5',
      'gpiobridge_api_calls_total 8',
      'gpiobridge_export_running{export="web",chip="hub"} 1',
      'gpiobridge_export_line_requests{export="web",chip="hub"} 2',
      'gpiobridge_export_edges_delivered_total{export="web",chip="hub"} 5',
      'gpiobridge_coprocessor_up{coprocessor="hub"} 1',
      'gpiobridge_coprocessor_up{coprocessor="mcu"} 0',
      'gpiobridge_link_state{coprocessor="mcu",state="waiting"} 1',
      'gpiobridge_link_state{coprocessor="mcu",state="up"} 0',
      'gpiobridge_link_openings_total{coprocessor="hub"} 2',
      'gpiobridge_link_received_bytes_total{coprocessor="hub"} 1000',
      'gpiobridge_link_data_resent_total{coprocessor="hub"} 0',
      'gpiobridge_round_trip_seconds{coprocessor="hub"} 0.00025',
      'gpiobridge_clock_error_seconds{coprocessor="hub"} 0.00004',
      'gpiobridge_clock_drift_ratio{coprocessor="hub"} 0.0000125',
      'gpiobridge_chip_edges_total{chip="hub.1",coprocessor="hub"} 12',
      'gpiobridge_chip_edges_total{chip="hub.2",coprocessor="hub"} 30',
      'gpiobridge_chip_up{chip="hub.2",coprocessor="hub"} 0',
    ]) {
      expect(lines.map(sameNumber)).toContain(sameNumber(line));
    }
    // What is not known is not 0.
    expect(lines.filter((line) => /(round_trip|clock).*mcu/.test(line))).toEqual([]);
    expect(lines).toContainEqual(expect.stringContaining('firmware="quote \\" and \\\\"'));
  });

  it('keeps the conventions: help and type for each, names in snake case, _total on counters alone', async () => {
    const text = await daemonMetrics(SOURCE);
    const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]));
    const helped = new Set([...text.matchAll(/^# HELP (\S+) \S/gm)].map(([, name]) => name));
    const series = new Set([...text.matchAll(/^([a-z]\w*)/gm)].map(([, name]) => name));
    expect([...series].sort()).toEqual([...types.keys()].sort());
    expect([...series].filter((name) => !helped.has(name))).toEqual([]);
    for (const [name, type] of types) {
      expect(name).toMatch(/^gpiobridge_[a-z0-9_]+$/);
      expect(name!.endsWith('_total')).toBe(type === 'counter');
    }
    expect(types.size).toBeGreaterThan(15);
  });

  it('leaves nothing behind of what is gone', async () => {
    await daemonMetrics(SOURCE);
    const text = await daemonMetrics({
      ...SOURCE,
      coprocessors: () => [],
      chips: () => [],
      exports: () => [],
    });
    expect(text).not.toContain('hub');
  });
});

function sameNumber(line: string): string {
  return line.replace(/ (\S+)$/, (_, number: string) => ` ${Number(number)}`);
}
