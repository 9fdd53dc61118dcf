import type {
  WireChipStatus,
  WireCoprocessorStatus,
  WireCounters,
  WireDaemonStatus,
  WireExportStatus,
} from '../../api/schema.js';
import type { StatusSource } from '../../api/server/control-session.js';
import { MetricSet } from './metric-set.js';

const LINK_STATES = ['opening', 'up', 'down', 'waiting'] as const;

/** Everything that `status` tells, as Prometheus names it: base units, `_total` on what only grows. */
export function daemonMetrics(source: StatusSource): Promise<string> {
  const metrics = new MetricSet();
  const coprocessors = source.coprocessors();
  addDaemon(metrics, source.daemon());
  for (const coprocessor of coprocessors) addCoprocessor(metrics, coprocessor);
  for (const chip of source.chips()) {
    const owner = coprocessors.find(({ chips }) => chips.includes(chip.name));
    addChip(metrics, chip, owner?.name ?? '');
  }
  for (const exported of source.exports()) addExport(metrics, exported);
  return metrics.text();
}

function addDaemon(metrics: MetricSet, status: WireDaemonStatus): void {
  const { version, uptime_ms, clients, requests, persistent_lines, memory, counters } = status;
  metrics.gauge('gpiobridge_build_info', 'Version of the daemon.', { version }, 1);
  metrics.gauge('gpiobridge_uptime_seconds', 'Since the daemon started.', {}, uptime_ms / 1_000);
  metrics.gauge('gpiobridge_connections', 'Clients connected now.', {}, clients);
  metrics.gauge('gpiobridge_line_requests', 'Line requests held now.', {}, requests);
  metrics.gauge('gpiobridge_persistent_lines', 'Lines requested persistently.', {}, persistent_lines);
  metrics.gauge('gpiobridge_resident_memory_bytes', 'Resident memory of the daemon.', {}, memory.rss_bytes);
  addCounters(metrics, 'api', counters, {});
}

function addCoprocessor(metrics: MetricSet, status: WireCoprocessorStatus): void {
  const { name, link_state, reason, delivery, dialect, firmware, clock } = status;
  const coprocessor = { coprocessor: name };
  const up = link_state === 'up' && reason === null;
  metrics.gauge(
    'gpiobridge_coprocessor_up',
    '1 while it is in touch and brought up.',
    coprocessor,
    Number(up),
  );
  metrics.gauge(
    'gpiobridge_coprocessor_info',
    'What it is.',
    { ...coprocessor, dialect, firmware: firmware ?? '', delivery: delivery ?? '' },
    1,
  );
  for (const state of LINK_STATES) {
    const labels = { ...coprocessor, state };
    metrics.gauge(
      'gpiobridge_link_state',
      '1 for the state that the link is in.',
      labels,
      Number(state === link_state),
    );
  }
  metrics.counter('gpiobridge_link_openings', 'How often its port was opened.', coprocessor, status.openings);
  const roundTrip = status.round_trip_ns === null ? null : status.round_trip_ns / 1e9;
  metrics.gauge('gpiobridge_round_trip_seconds', 'Of the last message to it.', coprocessor, roundTrip);
  if (clock !== null) {
    const { error_ns, drift_ppm } = clock;
    metrics.gauge(
      'gpiobridge_clock_error_seconds',
      'Bound of the error of its stamps.',
      coprocessor,
      error_ns / 1e9,
    );
    const drift = drift_ppm === null ? null : drift_ppm / 1e6;
    metrics.gauge('gpiobridge_clock_drift_ratio', 'Of its clock against the host.', coprocessor, drift);
  }
  addCounters(metrics, 'link', status.link_counters, coprocessor);
  addCounters(metrics, 'bus', status.bus_counters, coprocessor);
}

function addChip(metrics: MetricSet, status: WireChipStatus, coprocessor: string): void {
  const chip = { chip: status.name, coprocessor };
  metrics.gauge('gpiobridge_chip_up', '1 while its lines can be used.', chip, Number(status.state === 'up'));
  metrics.gauge('gpiobridge_chip_lines', 'How many it has.', chip, status.lines);
  metrics.gauge('gpiobridge_chip_connections', 'Clients connected to it now.', chip, status.clients);
  metrics.gauge('gpiobridge_chip_line_requests', 'Its line requests held now.', chip, status.requests);
  metrics.gauge(
    'gpiobridge_chip_persistent_lines',
    'Its lines requested persistently.',
    chip,
    status.persistent_lines,
  );
  addCounters(metrics, 'chip', status.counters, chip);
}

function addExport(metrics: MetricSet, { name, chip, state, lines, ...status }: WireExportStatus): void {
  const labels = { export: name, chip };
  metrics.gauge('gpiobridge_export_running', '1 while a guest uses it.', labels, Number(state === 'running'));
  metrics.gauge('gpiobridge_export_lines', 'Lines that its guest sees.', labels, lines);
  metrics.gauge(
    'gpiobridge_export_line_requests',
    'Lines that its guest holds now.',
    labels,
    status.requested_lines.length,
  );
  metrics.gauge(
    'gpiobridge_export_broken_queues',
    'Queues of its guest that were stopped.',
    labels,
    status.broken_queues.length,
  );
  addCounters(metrics, 'export', status.counters, labels);
}

/** Counters keep the names that `status` gives them, but for the unit, which stands at the end. */
function addCounters(
  metrics: MetricSet,
  room: string,
  counters: WireCounters,
  labels: Readonly<Record<string, string>>,
): void {
  for (const [name, value] of Object.entries(counters)) {
    const ordered = name.replace(/^bytes_(.*)$/, '$1_bytes');
    metrics.counter(`gpiobridge_${room}_${ordered}`, `Counter ${name} of gpiobridge status.`, labels, value);
  }
}
