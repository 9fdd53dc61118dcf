import type {
  WireChipStatus,
  WireClockStatus,
  WireCoprocessorStatus,
  WireCounters,
  WireDaemonStatus,
  WireExportStatus,
  WireProcessorStatus,
} from '../api/schema.js';
import type { ApiServer } from '../api/server/api-server.js';
import type { StatusSource } from '../api/server/control-session.js';
import type { ClockReport } from '../driver/remote-gpio.js';
import type { ExportReport } from '../export/vhost-user/vhost-user-export.js';
import type { Chip, ChipState } from '../gpio/chip.js';
import type { RemoteProcessor } from '../linux/remoteproc.js';
import type { Coprocessor } from './coprocessor.js';
import type { ServedSynthetic } from './synthetic/synthetic-chips.js';

export interface StatusOptions {
  readonly version: string;
  readonly runtimeDir: string;
  readonly api: ApiServer;
  readonly coprocessors: () => Iterable<Coprocessor>;
  readonly exports: () => readonly ExportReport[];
  readonly synthetics: () => Iterable<ServedSynthetic>;
}

/** What the control socket tells of the daemon. */
export function daemonStatus(options: StatusOptions): StatusSource {
  const { api, coprocessors, synthetics, exports } = options;
  return {
    daemon: () => ownStatus(options),
    coprocessors: () => [...coprocessors()].map(coprocessorStatus),
    chips: () => [
      ...[...coprocessors()].flatMap(({ chips }) =>
        chips.served.map(({ chip, remote }) => chipStatus(chip, chip.state, remote.counters, api)),
      ),
      ...[...synthetics()].map(({ chip }) => chipStatus(chip, chip.fullState, {}, api)),
    ],
    exports: () => exports().map(exportStatus),
  };
}

function ownStatus({ version, runtimeDir, api }: StatusOptions): WireDaemonStatus {
  const memory = process.memoryUsage();
  return {
    version,
    pid: process.pid,
    runtime_dir: runtimeDir,
    uptime_ms: Math.round(process.uptime() * 1_000),
    ...api.usage(),
    timers: process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length,
    memory: {
      rss_bytes: memory.rss,
      heap_used_bytes: memory.heapUsed,
      external_bytes: memory.external,
    },
    counters: { ...api.counters },
  };
}

function coprocessorStatus(coprocessor: Coprocessor): WireCoprocessorStatus {
  const { config, bus, link, chips, openings, waitsBecause, processor } = coprocessor;
  const { status } = bus;
  const state = link?.state;
  return {
    name: config.name,
    link: config.link,
    link_state: state?.kind ?? 'waiting',
    reason: whyNotUp(coprocessor) ?? waitsBecause ?? null,
    delivery: state?.kind === 'up' ? state.delivery : null,
    device: link?.devicePath ?? null,
    processor: processor === undefined ? null : processorStatus(processor),
    dialect: status.dialect,
    firmware: status.bootId === 0 ? null : status.firmware,
    boot_id: status.bootId === 0 ? null : status.bootId,
    round_trip_ns: status.roundTripNs ?? null,
    clock: status.clock === undefined ? null : clockStatus(status.clock),
    openings,
    chips: chips.names,
    link_counters: { ...coprocessor.linkCounters },
    bus_counters: { ...status.counters },
  };
}

function whyNotUp({ link, bus }: Coprocessor): string | undefined {
  const state = link?.state;
  if (state === undefined) return undefined;
  if (state.kind === 'opening') return state.reason ?? 'waiting for the coprocessor to answer';
  if (state.kind === 'down') return state.reason;
  const { state: busState } = bus.status;
  if (busState.kind === 'greeting') return busState.why;
  return busState.kind === 'starting' ? 'its controllers are being brought up' : undefined;
}

function processorStatus({ device, name, state, firmware, recovery }: RemoteProcessor): WireProcessorStatus {
  return { device, name, state, firmware: firmware ?? null, recovery: recovery ?? null };
}

function clockStatus(report: ClockReport): WireClockStatus {
  return {
    offset_ns: report.offsetNs,
    drift_ppm: report.driftPpm,
    error_ns: Math.ceil(report.errorNs),
    round_trip_ns: Math.round(report.roundTripNs),
    samples: report.samples,
  };
}

function chipStatus(chip: Chip, state: ChipState, counters: WireCounters, api: ApiServer): WireChipStatus {
  return {
    name: chip.name,
    label: chip.label,
    lines: chip.lineCount,
    counts_loss: chip.countsLoss,
    state: state.kind,
    reason: state.kind === 'down' ? state.reason : null,
    ...api.usage(chip.name),
    counters: { ...counters },
  };
}

function exportStatus(report: ExportReport): WireExportStatus {
  const { name, chip, socket, state, lines, outdated } = report;
  return {
    name,
    type: 'vhost-user',
    chip,
    socket,
    state,
    reason: report.reason ?? null,
    pid: report.pid ?? null,
    features: report.features === undefined ? null : featureNames(report.features),
    lines,
    requested_lines: report.requestedLines,
    waiting_requests: report.waitingRequests,
    outdated,
    broken_queues: [...report.brokenQueues].map(([queue, reason]) => ({ queue, reason })),
    counters: report.counters,
  };
}

const FEATURE_NAMES: ReadonlyMap<number, string> = new Map([
  [0, 'irq'],
  [28, 'indirect_desc'],
  [29, 'event_idx'],
  [30, 'protocol_features'],
  [32, 'version_1'],
  [40, 'ring_reset'],
]);

function featureNames(features: bigint): string[] {
  return Array.from({ length: 64 }, (_, bit) => bit)
    .filter((bit) => ((features >> BigInt(bit)) & 1n) === 1n)
    .map((bit) => FEATURE_NAMES.get(bit) ?? `bit_${bit}`);
}
