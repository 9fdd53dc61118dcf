import { statSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { ChipStateEvent, RequestEvent } from '../../src/api/client/types.js';
import type { LineConfig } from '../../src/gpio/chip.js';
import { type ApiBench, apiBench, until } from '../support/api-bench.js';

const INPUT: LineConfig = { direction: 'input', edges: 'none', activeLow: false, eventClock: 'monotonic' };
const BOTH: LineConfig = { ...INPUT, edges: 'both' };
const OUTPUT: LineConfig = { ...INPUT, direction: 'output' };

let bench: ApiBench;
afterEach(() => bench.close());

/** Collects events in the background; `done` resolves when they end. */
function collect(events: AsyncIterable<readonly RequestEvent[]>) {
  const seen: RequestEvent[] = [];
  const done = (async () => {
    for await (const batch of events) seen.push(...batch);
  })();
  return { seen, done };
}

describe('a chip through its socket', () => {
  it('tells what it is, and its lines in pages', async () => {
    bench = await apiBench(1_000);
    const client = await bench.client();
    expect(await client.chips()).toEqual(['hub']);
    const chip = await client.openChip('hub');
    expect(await chip.info()).toEqual({
      name: 'hub',
      label: 'memory 1.0',
      lines: 1_000,
      countsLoss: true,
      state: { kind: 'up' },
    });
    const lines = await chip.lines();
    expect(lines.map(({ offset, name }) => [offset, name])).toEqual(
      Array.from({ length: 1_000 }, (_, i) => [i, `L${i}`]),
    );
    expect(await chip.findLine('L700')).toBe(700);
    expect(await chip.findLine('absent')).toBeUndefined();
    expect(await chip.lineInfo(3)).toMatchObject({ offset: 3, used: false, direction: 'input' });
    await expect(chip.lineInfo(1_000)).rejects.toMatchObject({ name: 'INVALID_ARGUMENT' });
  });

  it('is opened by name and by path, and missed by name', async () => {
    bench = await apiBench(4);
    const client = await bench.client();
    expect((await client.openChip(`${bench.layout.chips}/hub`)).name).toBe('hub');
    await expect(client.openChip('3')).rejects.toMatchObject({
      name: 'NOT_FOUND',
      message: "no chip '3': there are hub",
    });
  });

  it('gives lines to one owner: values, configuration, release', async () => {
    bench = await apiBench(8);
    const chip = await (await bench.client()).openChip('hub');
    const request = await chip.requestLines({ consumer: 'me', offsets: [1, 2], config: OUTPUT });
    await request.setValues(new Map([[1, 1]]));
    expect(bench.remote.levels.slice(0, 4)).toEqual([0, 1, 0, 0]);
    expect(await request.getValues()).toEqual([1, 0]);
    expect(await request.getValues([2, 1])).toEqual([0, 1]);
    await expect(chip.requestLines({ consumer: 'other', offsets: [2], config: INPUT })).rejects.toMatchObject(
      {
        name: 'BUSY',
        message: expect.stringContaining("'me'"),
      },
    );
    await request.reconfigure({ ...OUTPUT, activeLow: true, value: 1 });
    expect(await chip.lineInfo(2)).toMatchObject({ used: true, consumer: 'me', activeLow: true });
    await request.release();
    expect(await chip.lineInfo(2)).toMatchObject({ used: false });
    await expect(request.getValues()).rejects.toMatchObject({ name: 'CLOSED' });
  });

  it('gives back what a client owned when it goes', async () => {
    bench = await apiBench(4);
    const gone = await bench.client();
    await (await gone.openChip('hub')).requestLines({ consumer: 'gone', offsets: [0, 3], config: BOTH });
    expect(bench.server.usage('hub')).toMatchObject({ clients: 2, requests: 1 });
    gone.close();
    await until(() => bench.server.usage().clients === 0, 'the daemon noticed');
    const chip = await (await bench.client()).openChip('hub');
    await chip.requestLines({ consumer: 'next', offsets: [0, 3], config: BOTH });
  });

  it('refuses what is no configuration, naming the parameter', async () => {
    bench = await apiBench(4);
    const chip = await (await bench.client()).openChip('hub');
    const bad = [
      [{ consumer: 'x', offsets: [], config: INPUT }, 'request.offsets'],
      [{ consumer: 'x', offsets: [1, 1], config: INPUT }, 'request.offsets'],
      [{ consumer: 'x', offsets: [-1], config: INPUT }, 'request.offsets[0]'],
      [{ consumer: 'x\u001b[2J', offsets: [1], config: INPUT }, 'request.consumer'],
      [{ consumer: 'x', offsets: [1], config: { ...INPUT, direction: 'up' } }, 'request.config.direction'],
      [{ consumer: 'x', offsets: [1, 2], config: [INPUT] }, 'request.config'],
      [{ consumer: 'x', offsets: [1], config: { ...OUTPUT, value: 2 } }, 'request.config.value'],
    ] as const;
    for (const [config, parameter] of bad) {
      await expect(chip.requestLines(config as never)).rejects.toMatchObject({
        name: 'INVALID_ARGUMENT',
        message: expect.stringContaining(`${parameter}: `),
      });
    }
  });

  it('lets only so many requests and clients in', async () => {
    bench = await apiBench(4, { requestsPerConnection: 1, connectionsPerSocket: 2 });
    const client = await bench.client();
    const chip = await client.openChip('hub');
    await chip.requestLines({ consumer: 'a', offsets: [0], config: INPUT });
    await expect(chip.requestLines({ consumer: 'a', offsets: [1], config: INPUT })).rejects.toMatchObject({
      name: 'QUEUE_FULL',
    });
    await client.openChip('hub');
    await expect(client.openChip('hub')).rejects.toMatchObject({ name: 'NO_DAEMON' });
    expect(bench.server.counters.connections_refused).toBe(1);
  });
});

describe('events', () => {
  it('come in order, from the first on, and end after release', async () => {
    bench = await apiBench(4);
    const chip = await (await bench.client()).openChip('hub');
    const request = await chip.requestLines({ consumer: 'me', offsets: [0, 2], config: BOTH });
    const { seen, done } = collect(request.events());
    for (let i = 0; i < 100; i++) bench.remote.sense([0, 2, 2]);
    await until(() => seen.length === 300, 'all events came');
    await request.release();
    await done;
    const edges = seen.filter((event) => event.type === 'edge');
    expect(edges.map((edge) => edge.seqno)).toEqual(Array.from({ length: 300 }, (_, i) => i + 1));
    expect(edges.filter((edge) => edge.offset === 2).map((edge) => edge.lineSeqno)).toEqual(
      Array.from({ length: 200 }, (_, i) => i + 1),
    );
    expect(edges[0]).toMatchObject({
      type: 'edge',
      chip: 'hub',
      offset: 0,
      edge: 'rising',
      clock: 'monotonic',
      stampedBy: 'host',
      uncertaintyNs: null,
      lost: 0,
      levelSource: 'reported',
    });
    expect(seen.at(-1)).toEqual({ type: 'ended', chip: 'hub', reason: 'released' });
  });

  it('come with the states of the chip, and states can be watched', async () => {
    bench = await apiBench(4);
    const chip = await (await bench.client()).openChip('hub');
    const request = await chip.requestLines({ consumer: 'me', offsets: [0], config: BOTH });
    const { seen } = collect(request.events());
    const states: string[] = [];
    void (async () => {
      for await (const state of chip.states()) states.push(state.kind);
    })();
    await until(() => states.length === 1, 'the present state came');
    bench.remote.state$.next({ kind: 'down', reason: 'unplugged' });
    bench.remote.state$.next({ kind: 'starting' });
    bench.remote.state$.next({ kind: 'up', generation: 1 });
    await until(() => states.length === 4, 'the states came');
    expect(states).toEqual(['up', 'down', 'starting', 'up']);
    const chipEvents = seen.filter((event): event is ChipStateEvent => event.type === 'chip');
    expect(chipEvents.map(({ state, reason }) => [state, reason])).toEqual([
      ['down', 'unplugged'],
      ['starting', undefined],
      ['up', undefined],
    ]);
  });

  it('report lines that others request and release', async () => {
    bench = await apiBench(4);
    const client = await bench.client();
    const watching = await client.openChip('hub');
    const seen: string[] = [];
    void (async () => {
      for await (const { kind, info, lost } of watching.lineChanges()) {
        seen.push(`${kind} ${info.offset} ${info.consumer ?? '-'} ${lost}`);
      }
    })();
    const chip = await client.openChip('hub');
    // The watch is in place once a later call on its connection is answered.
    await watching.info();
    const request = await chip.requestLines({ consumer: 'me', offsets: [3], config: INPUT });
    await request.reconfigure({ ...INPUT, activeLow: true });
    await request.release();
    await until(() => seen.length === 3, 'the changes came');
    expect(seen).toEqual(['requested 3 me 0', 'reconfigured 3 me 0', 'released 3 - 0']);
  });

  it('reach 100 clients, each with a line of its own', async () => {
    bench = await apiBench(128);
    const clients = await Promise.all(Array.from({ length: 100 }, () => bench.client()));
    const counts = new Array<number>(100).fill(0);
    await Promise.all(
      clients.map(async (client, i) => {
        const chip = await client.openChip('hub');
        const request = await chip.requestLines({ consumer: `c${i}`, offsets: [i], config: BOTH });
        void (async () => {
          for await (const batch of request.events()) counts[i]! += batch.length;
        })();
      }),
    );
    const all = counts.map((_, i) => i);
    for (let i = 0; i < 20; i++) bench.remote.sense(all);
    await until(() => counts.every((count) => count === 20), 'every client has its 20 events');
  });
});

describe('a slow client', () => {
  it('loses its oldest events, to the event, and nobody else notices', async () => {
    bench = await apiBench(4, { clientQueue: 1_000 });
    const client = await bench.client();
    const slow = await (await client.openChip('hub')).requestLines({
      consumer: 'slow',
      offsets: [0, 1],
      config: BOTH,
    });
    const quick = await (await client.openChip('hub')).requestLines({
      consumer: 'quick',
      offsets: [2],
      config: BOTH,
    });
    const quickly = collect(quick.events());
    // More than the kernel and the client's own buffer take, so that the daemon's queue overflows.
    const rounds = 30_000;
    for (let i = 0; i < rounds; i++) {
      bench.remote.sense(i % 2 === 0 ? [0, 1, 2] : [0, 0, 2]);
      if (i % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => quickly.seen.length === rounds, 'the quick client has all');
    const slowly = collect(slow.events());
    await slow.release();
    await slowly.done;

    const sensed = new Map([
      [0, rounds * 1.5],
      [1, rounds / 2],
    ]);
    for (const [line, count] of sensed) {
      const mine = slowly.seen.filter((event) => event.type !== 'chip' && event.type !== 'ended');
      const edges = mine.filter((event) => event.type === 'edge' && event.offset === line);
      const gaps = mine.filter((event) => event.type === 'gap' && event.offset === line);
      const lost = gaps.reduce((sum, gap) => sum + (gap as { lost: number }).lost, 0);
      expect(lost).toBeGreaterThan(0);
      expect(edges.length + lost).toBe(count);
      expect(gaps.every((gap) => gap.type === 'gap' && gap.reason === 'client-queue')).toBe(true);
      expectGapsInPlace(mine.filter((event) => 'offset' in event && event.offset === line));
    }
    expect(bench.server.counters.events_dropped).toBeGreaterThan(0);
    await quick.release();
  });

  it('still gets its answers while its events wait', async () => {
    bench = await apiBench(4);
    const chip = await (await bench.client()).openChip('hub');
    const request = await chip.requestLines({ consumer: 'me', offsets: [0], config: BOTH });
    for (let i = 0; i < 20_000; i++) {
      bench.remote.sense([0]);
      if (i % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await request.getValues()).toEqual([0]);
    await request.release();
  });
});

/** The sequence numbers of a line jump by exactly what the gap between two edges says. */
function expectGapsInPlace(events: readonly RequestEvent[]): void {
  let expected = 1;
  for (const event of events) {
    if (event.type === 'gap') expected += event.lost!;
    else if (event.type === 'edge') expect(event.lineSeqno).toBe(expected++);
  }
}

describe('sockets', () => {
  it('have their mode before anybody may connect', async () => {
    bench = await apiBench(1);
    expect(statSync(`${bench.layout.chips}/hub`).mode & 0o777).toBe(0o660);
    expect(statSync(bench.layout.chips).mode & 0o777).toBe(0o755);
  });
});
