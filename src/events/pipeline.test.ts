import { Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { type Clock, nodeTimers } from '../base/clock.js';
import type { DeviceClock, InterruptBatch, InterruptItem, Level } from '../driver/remote-gpio.js';
import type { EdgeEvent, LineEvent } from './edge-event.js';
import { EventRouter } from './event-router.js';
import { newLineView, RequestEvents } from './request-events.js';

const REALTIME_OFFSET = 1_700_000_000_000_000_000n;
const clock: Clock = {
  monotonicNs: () => 5_000n,
  boottimeNs: () => 5_000n,
  realtimeNs: () => 5_000n + REALTIME_OFFSET,
};

/** Host time = device time + 100, error bound 7. */
const deviceClock: DeviceClock = {
  toHost: (deviceNs) => ({ monotonicNs: deviceNs + 100n, uncertaintyNs: 7 }),
  report: undefined,
};

const edge = (
  line: number,
  seq: number,
  level: Level,
  deviceNs: bigint | null = BigInt(seq * 10),
): InterruptItem => ({
  kind: 'edge',
  line,
  seq,
  level,
  deviceNs,
});

function bench(mapping: DeviceClock | undefined = deviceClock) {
  const interrupts$ = new Subject<InterruptBatch>();
  const router = new EventRouter({ interrupts$, deviceClock: mapping });
  const send = (arrivedNs: bigint, ...items: InterruptItem[]): void => interrupts$.next({ arrivedNs, items });
  const listen = (request: RequestEvents): LineEvent[][] => {
    const seen: LineEvent[][] = [];
    request.events$.subscribe((events) => seen.push([...events]));
    return seen;
  };
  const own = (line: number, request = new RequestEvents(clock, nodeTimers)) => {
    const view = newLineView('hub', line);
    view.edges = 'both';
    router.attach(line, request, view, 1n);
    send(0n, { kind: 'enabled', line, type: 'both' });
    return { request, view };
  };
  return { router, send, own, listen };
}

describe('times', () => {
  it('maps the device time, with its bound', () => {
    const { send, own, listen } = bench();
    const seen = listen(own(1).request);
    send(1_000n, edge(1, 1, 1, 50n));
    expect(seen).toMatchObject([
      [{ timestampNs: 150n, uncertaintyNs: 7, stampedBy: 'device', clock: 'monotonic' }],
    ]);
  });

  it('never puts an edge after its arrival, nor before the edge before it', () => {
    const { send, own, listen } = bench();
    const seen = listen(own(1).request);
    send(120n, edge(1, 1, 1, 50n), edge(1, 2, 0, 10n));
    expect(seen[0]!.map((event) => (event as EdgeEvent).timestampNs)).toEqual([120n, 120n]);
  });

  it('is the arrival, without a bound, where the device does not stamp', () => {
    const { send, own, listen } = bench(undefined);
    const seen = listen(own(1).request);
    send(777n, edge(1, 1, 1, null));
    expect(seen).toMatchObject([[{ timestampNs: 777n, uncertaintyNs: null, stampedBy: 'host' }]]);
  });

  it('is CLOCK_REALTIME where the line asks for it', () => {
    const { send, own, listen } = bench();
    const { request, view } = own(1);
    view.clock = 'realtime';
    const seen = listen(request);
    send(1_000n, edge(1, 1, 1, 50n));
    expect(seen).toMatchObject([[{ timestampNs: 150n + REALTIME_OFFSET, clock: 'realtime' }]]);
  });
});

describe('requests', () => {
  it('get one array for what one read brought, each only its own lines, numbered', () => {
    const { send, own, listen } = bench();
    const two = own(1).request;
    own(2, two);
    const other = listen(own(3).request);
    const seen = listen(two);
    send(1_000n, edge(1, 1, 1), edge(3, 1, 1), edge(2, 1, 1), edge(1, 2, 0));
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject([
      { offset: 1, seqno: 1, lineSeqno: 1 },
      { offset: 2, seqno: 2, lineSeqno: 1 },
      { offset: 1, seqno: 3, lineSeqno: 2 },
    ]);
    expect(other).toMatchObject([[{ offset: 3, seqno: 1 }]]);
  });

  it('see logical edges of an active-low line', () => {
    const { send, own, listen } = bench();
    const { request, view } = own(1);
    view.activeLow = true;
    const seen = listen(request);
    send(1_000n, edge(1, 1, 1), edge(1, 2, 0));
    expect(seen[0]).toMatchObject([{ edge: 'falling' }, { edge: 'rising' }]);
  });

  it('are told the loss of edges they did not select with the next one they did', () => {
    const { send, own, listen } = bench();
    const { request, view } = own(1);
    view.edges = 'rising';
    const seen = listen(request);
    send(1_000n, edge(1, 4, 0), edge(1, 7, 1));
    expect(seen[0]).toMatchObject([{ edge: 'rising', lost: 5, lineSeqno: 1 }]);
  });

  it('are told a gap of the whole chip once, whatever the number of their lines', () => {
    const { send, own, listen } = bench();
    const { request } = own(1);
    own(2, request);
    const seen = listen(request);
    send(1_000n, { kind: 'break', reason: 'firmware-restart', fromNs: 1n, toNs: 2n });
    expect(seen).toEqual([
      [{ type: 'gap', chip: 'hub', lost: null, reason: 'firmware-restart', fromNs: 1n, toNs: 2n }],
    ]);
  });

  it('are told a gap of the whole chip by line where levels came with it', () => {
    const { send, own, listen } = bench();
    const { request, view } = own(1);
    view.edges = 'rising';
    own(2, request);
    const seen = listen(request);
    const enabled = (line: number) => ({ kind: 'enabled', line, type: 'both' }) as const;
    send(900n, enabled(1), enabled(2), edge(1, 4, 0));
    const restart = { kind: 'break', reason: 'firmware-restart', fromNs: 1n, toNs: 2n } as const;
    const level = { kind: 'level', line: 1, level: 1 } as const;
    send(1_000n, restart, enabled(1), level, enabled(2), edge(1, 1, 1));
    expect(seen).toMatchObject([
      [
        { type: 'gap', offset: 1, lost: null, level: 1, fromNs: 1n, toNs: 2n },
        { type: 'gap', offset: 2, lost: null, fromNs: 1n, toNs: 2n },
        // What was owed of before lies in the gap.
        { type: 'edge', offset: 1, lost: 0 },
      ],
    ]);
    expect(seen[0]![1]).not.toHaveProperty('level');
  });

  it('date a gap of a line from its last edge', () => {
    const { send, own, listen } = bench();
    const seen = listen(own(1).request);
    send(1_000n, edge(1, 1, 1, 50n), { kind: 'account', line: 1, level: 1, seq: 4, deviceNs: 90n });
    expect(seen[0]![1]).toMatchObject({
      type: 'gap',
      offset: 1,
      lost: 3,
      fromNs: 150n,
      toNs: 190n,
      level: 1,
    });
  });

  it('keep what came before they listened, and count what was too much', () => {
    const { send, own, listen } = bench();
    const { request } = own(1);
    const many = 16_384 + 10;
    for (let seq = 1; seq <= many; seq++) send(BigInt(100_000_000), edge(1, seq, (seq % 2) as Level));
    const [first] = listen(request);
    expect(first).toHaveLength(16_384 + 1);
    expect(first![0]).toMatchObject({ type: 'gap', reason: 'client-queue', offset: 1, lost: 10, level: 0 });
    expect(first![1]).toMatchObject({ type: 'edge', seqno: 11 });
  });

  it('are told how many each line lost before they listened, or that nobody knows', () => {
    const { send, own, listen } = bench();
    const { request } = own(1);
    own(2, request);
    send(1_000n, edge(1, 5, 1, 50n), edge(2, 1, 1, 60n), {
      kind: 'break',
      reason: 'firmware-restart',
      fromNs: 1n,
      toNs: 500n,
    });
    send(1_000n, { kind: 'enabled', line: 1, type: 'both' }, edge(1, 2, 0, 70n));
    for (let seq = 1; seq <= 16_384; seq++) send(BigInt(100_000_000), edge(2, seq, (seq % 2) as Level));
    const [first] = listen(request);
    const dropped = { type: 'gap', chip: 'hub', reason: 'client-queue' } as const;
    expect(first!.slice(0, 4)).toEqual([
      // Four lost before the first edge, it, what the restart took (nobody knows), and the edge after it.
      { ...dropped, offset: 1, lost: 7, fromNs: 150n, toNs: 170n, level: 0 },
      { ...dropped, offset: 2, lost: 1, fromNs: 160n, toNs: 160n, level: 1 },
      { ...dropped, lost: null, fromNs: 1n, toNs: 500n },
      expect.objectContaining({ type: 'edge', offset: 2, seqno: 4 }),
    ]);
  });

  it('are told an unknown loss of edges dropped before they listened as unknown', () => {
    const { send, own, listen } = bench(undefined);
    const { request, view } = own(1);
    view.owed = null;
    for (let seq = 1; seq <= 16_384 + 3; seq++) send(1_000n, edge(1, seq, (seq % 2) as Level, null));
    const [first] = listen(request);
    expect(first![0]).toMatchObject({ type: 'gap', reason: 'client-queue', offset: 1, lost: null });
  });

  it('hear no more of a line that was detached, and end', () => {
    const { router, send, own } = bench();
    const { request } = own(1);
    let completed = false;
    const seen: LineEvent[] = [];
    request.events$.subscribe({ next: (events) => seen.push(...events), complete: () => (completed = true) });
    router.detach(1);
    send(1_000n, edge(1, 1, 1));
    request.end();
    expect(seen).toEqual([]);
    expect(completed).toBe(true);
  });
});
