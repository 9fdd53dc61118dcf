import { afterEach, describe, expect, it } from 'vitest';
import type { LineConfig } from '../../src/gpio/chip.js';
import { type ApiBench, apiBench, until } from '../support/api-bench.js';

const INPUT: LineConfig = { direction: 'input', edges: 'none', activeLow: false, eventClock: 'monotonic' };
const HIGH: LineConfig = { ...INPUT, direction: 'output', value: 1 };

let bench: ApiBench;
afterEach(() => bench.close());

describe('persistent requests over the socket', () => {
  it('outlive their client, and are released by another', async () => {
    bench = await apiBench(8);
    const first = await bench.client();
    await (await first.openChip('hub')).requestPersistently({
      consumer: 'pump',
      offsets: [2, 5],
      config: HIGH,
    });
    first.close();
    await until(() => bench.server.usage('hub').clients === 0, 'the client to be gone');
    expect(bench.server.usage()).toEqual({ clients: 0, requests: 0, persistent_lines: 2 });
    expect(bench.remote.directions[2]).toBe('output');
    const chip = await (await bench.client()).openChip('hub');
    expect(await chip.lineInfo(2)).toMatchObject({ used: true, consumer: 'pump', persistent: true });
    await expect(chip.releasePersistent([2, 3])).rejects.toMatchObject({ name: 'NOT_FOUND' });
    expect(await chip.releasePersistent([2])).toEqual([2]);
    expect(await chip.releasePersistent()).toEqual([5]);
    expect(await chip.releasePersistent()).toEqual([]);
    expect(bench.remote.directions.every((direction) => direction === 'none')).toBe(true);
  });

  it('are told to those who watch lines', async () => {
    bench = await apiBench(8);
    const chip = await (await bench.client()).openChip('hub');
    const changes = chip.lineChanges()[Symbol.asyncIterator]();
    const first = changes.next();
    // The watch is answered before any of what follows.
    await chip.info();
    await chip.requestPersistently({ consumer: 'pump', offsets: [1], config: INPUT });
    await chip.requestPersistently({ consumer: 'pump', offsets: [1], config: HIGH });
    await chip.releasePersistent();
    const told = [(await first).value, (await changes.next()).value, (await changes.next()).value];
    expect(told.map(({ kind, info }) => [kind, info.direction, info.persistent])).toEqual([
      ['requested', 'input', true],
      ['reconfigured', 'output', true],
      ['released', 'output', false],
    ]);
  });

  it('go with their chip', async () => {
    bench = await apiBench(8);
    const chip = await (await bench.client()).openChip('hub');
    await chip.requestPersistently({ consumer: 'pump', offsets: [1], config: HIGH });
    await bench.server.removeChip('hub', 'test');
    expect(bench.chip.lineInfo(1).used).toBe(false);
  });
});
