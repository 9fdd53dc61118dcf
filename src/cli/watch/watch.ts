import type { BridgeClient, DaemonStatus, LineRequestClient, RequestEvent } from '../../api/client/types.js';
import { messageOf } from '../../base/errors.js';
import type { EventClock } from '../../events/edge-event.js';
import { UsageError } from '../errors.js';
import type { ChipGroup } from '../locate.js';
import { type MonitorOptions, monitor } from '../monitor.js';
import { LevelReader } from './level-reader.js';
import { DEFAULT_SPAN_US, type WatchOptions } from './options.js';
import type { EventSink, Watched, WatchedChip } from './sink.js';
import { watchClock } from './time-axis.js';

/** Makes a sink once it is known what is watched. */
type SinkMaker = (watched: Watched, signal: AbortSignal) => Promise<EventSink>;

/** What `mon` watches into, prepared: files are open, so that what cannot be written fails first. */
export interface Watch {
  /** Whether nothing else may be printed. */
  readonly takesOutput: boolean;
  readonly makers: readonly SinkMaker[];
  readonly startNs: bigint;
  readonly startRealtimeNs: bigint;
}

/** Call it before the lines are requested: this is when watching begins. Undefined: nothing to do. */
export async function openWatch(options: WatchOptions): Promise<Watch | undefined> {
  const makers: SinkMaker[] = [];
  if (options.vcd !== undefined) {
    const { openVcdOutput } = await import('../vcd/vcd-output.js');
    const { vcdSink } = await import('../vcd/vcd-sink.js');
    const output = await openVcdOutput(options.vcd);
    makers.push((watched) => vcdSink(watched, output));
  }
  if (options.wave) {
    const { waveSink } = await import('../wave/wave-sink.js');
    const { ASCII, glyphsFor } = await import('../wave/glyphs.js');
    const spanNs = (options.waveSpan ?? DEFAULT_SPAN_US) * 1_000;
    const glyphs = options.ascii ? ASCII : glyphsFor(process.env);
    makers.push(async (watched, signal) => waveSink(watched, { spanNs, glyphs, signal }));
  }
  if (makers.length === 0) return undefined;
  return {
    takesOutput: options.wave === true || options.vcd === '-',
    makers,
    startNs: watchClock.monotonicNs(),
    startRealtimeNs: watchClock.realtimeNs(),
  };
}

/** The lines that were requested, by chip, and the clock of their events. */
export interface WatchedRequests {
  readonly daemon: BridgeClient;
  readonly groups: readonly ChipGroup[];
  /** In the order of `groups`. */
  readonly requests: readonly LineRequestClient[];
  readonly clock: EventClock;
}

/** {@link monitor}, into the sinks of `watch` as well. They are ended in order whatever happens. */
export async function monitorInto(
  watch: Watch,
  requested: WatchedRequests,
  options: MonitorOptions,
): Promise<void> {
  const watched = await describe(watch, requested);
  const sinks: EventSink[] = [];
  for (const make of watch.makers) sinks.push(await make(watched, options.signal));
  const byChip = new Map(requested.groups.map(({ client }, at) => [client.name, requested.requests[at]]));
  const reader = new LevelReader(byChip, (read) => {
    for (const sink of sinks) sink.levels(read);
  });
  const take = async (events: readonly RequestEvent[]) => {
    const taken = Promise.all(sinks.map((sink) => sink.take(events)));
    reader.see(events);
    await taken;
  };
  const monitoring = monitor(requested.requests, {
    ...options,
    // Taken by all first: printing may be cut short by the end.
    print: async (events) => {
      await Promise.all([take(events), options.print(events)]);
    },
    takeLate: take,
  });
  let atLastEdge = false;
  try {
    const end = await Promise.race([monitoring, ...sinks.map(({ failed }) => failed)]);
    atLastEdge = end === 'enough';
  } finally {
    await Promise.all(sinks.map((sink) => sink.end(atLastEdge)));
  }
}

async function describe(
  watch: Watch,
  { daemon, groups, requests, clock }: WatchedRequests,
): Promise<Watched> {
  // Needs the control socket, which is not everyone's.
  const status = await daemon.status().catch(() => undefined);
  const chips: WatchedChip[] = [];
  for (const [at, group] of groups.entries()) chips.push(await describeChip(group, requests[at], status));
  const { startNs, startRealtimeNs } = watch;
  return { chips, clock, startNs, startRealtimeNs, daemonVersion: status?.version };
}

async function describeChip(
  { client, lines }: ChipGroup,
  request: LineRequestClient,
  status: DaemonStatus | undefined,
): Promise<WatchedChip> {
  const { label, countsLoss } = await client.info();
  const values = await request.getValues().catch((thrown: unknown) => {
    throw new UsageError(`unable to read GPIO line values: ${messageOf(thrown)}`);
  });
  const coprocessor = status?.coprocessors.find(({ chips }) => chips.includes(client.name));
  return {
    name: client.name,
    label,
    countsLoss,
    clockErrorNs: coprocessor?.clock?.errorNs,
    lines: lines.map(({ offset, name }, at) => ({ offset, name, initial: values[at] })),
  };
}
