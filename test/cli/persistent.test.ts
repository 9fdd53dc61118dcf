import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ApiBench, apiBench } from '../support/api-bench.js';
import { built } from '../support/built.js';
import { run } from '../support/program.js';

let bench: ApiBench;

beforeAll(async () => {
  await built();
  bench = await apiBench(8);
});
afterEach(() => tool('release', '--all'));
afterAll(() => bench.close());

const tool = (name: string, ...args: string[]) => run([name, '--runtime-dir', bench.layout.dir, ...args]);
const DONE = { status: 0, stdout: '', stderr: '' };
const failure = (stderr: string) => ({ status: 1, stdout: '', stderr: `${stderr}\n` });

describe('request and release', () => {
  it('keep lines after the command, as info and status show', async () => {
    expect(await tool('request', 'L1=1', 'L2', '-C', 'pump')).toEqual(DONE);
    expect(bench.remote.levels[1]).toBe(1);
    expect(bench.remote.directions.slice(0, 4)).toEqual(['none', 'output', 'input', 'none']);
    expect((await tool('info', 'L1', 'L2')).stdout).toBe(
      'hub 1\t"L1"            \toutput consumer="pump" persistent\n' +
        'hub 2\t"L2"            \tinput consumer="pump" persistent\n',
    );
    expect((await tool('status')).stdout).toMatch(/0 requests, 2 lines requested persistently\n/);
    expect(await tool('release', 'L1')).toEqual(DONE);
    expect((await tool('info', 'L1')).stdout).toBe('hub 1\t"L1"            \toutput\n');
    expect(await tool('release', '--all')).toEqual(DONE);
    expect((await tool('status')).stdout).toMatch(/0 requests\n/);
  });

  it('change a line of the same consumer; another consumer is refused', async () => {
    await tool('request', 'L3=on', '-l');
    expect(bench.remote.levels[3]).toBe(0);
    expect(await tool('request', 'L3=off', '-l')).toEqual(DONE);
    expect(bench.remote.levels[3]).toBe(1);
    expect(await tool('request', 'L3=1', '-C', 'other')).toEqual(
      failure(
        "gpiobridge request: unable to request lines on chip 'hub': line 3 of chip 'hub' is requested persistently by 'gpiobridge': release it first",
      ),
    );
    expect((await tool('get', 'L3')).stderr).toMatch(/in use by 'gpiobridge' persistently: release it\n$/);
  });

  it('leave a direction alone with --as-is', async () => {
    bench.remote.directions[4] = 'output';
    bench.remote.levels[4] = 1;
    expect(await tool('request', '-a', 'L4')).toEqual(DONE);
    expect([bench.remote.directions[4], bench.remote.levels[4]]).toEqual(['output', 1]);
  });

  it('print lines as objects with --json', async () => {
    const { stdout } = await tool('request', '--json', 'L1=1');
    expect(JSON.parse(stdout)).toMatchObject({
      type: 'line',
      offset: 1,
      persistent: true,
      direction: 'output',
    });
    expect(JSON.parse((await tool('release', '--json', 'L1')).stdout)).toMatchObject({ used: false });
  });

  it('are of all chips or none, and say what was undone', async () => {
    const client = await bench.client();
    await client.synthetic.make({ name: 'door', lines: ['hub:7=lock'], shared: false }, 'connection');
    const door = await client.openChip('door');
    const config = { direction: 'input', edges: 'none', activeLow: false, eventClock: 'monotonic' } as const;
    await door.requestLines({ consumer: 'lockd', offsets: [0], config });
    await tool('request', 'L2=0');
    expect(await tool('request', 'L1=1', 'L2=1', 'L3', 'lock=1')).toEqual(
      failure(
        [
          "unable to request lines on chip 'door': line 0 of chip 'door' is in use by 'lockd'",
          "released again: 'L1', 'L3'",
          "kept before already, and left as now asked for: 'L2'",
        ]
          .map((line) => `gpiobridge request: ${line}`)
          .join('\n'),
      ),
    );
    const hub = await client.openChip('hub');
    const used = await Promise.all([1, 2, 3].map(async (offset) => (await hub.lineInfo(offset)).used));
    expect(used).toEqual([false, true, false]);
    expect(bench.remote.directions[1]).toBe('none');
    expect(await tool('request', 'L1=1', 'nope=1')).toMatchObject({ status: 1 });
    expect(await hub.lineInfo(1)).toMatchObject({ used: false });
    client.close();
  });

  it('say of a line in use through another chip no more than that', async () => {
    const client = await bench.client();
    for (const name of ['one', 'two']) {
      await client.synthetic.make({ name, lines: ['hub:5'], shared: true }, 'connection');
    }
    await tool('request', '-c', 'one', '0=1');
    expect(await tool('release', '-c', 'two', '0')).toEqual(
      failure("gpiobridge release: line '0' is in use through another chip, and can be released only there"),
    );
    expect((await tool('info', '-c', 'two', '0')).stdout).toMatch(/\tused\n$/);
    expect(await tool('release', '-c', 'one', '0')).toEqual(DONE);
    client.close();
  });

  it('say what cannot be', async () => {
    const client = await bench.client();
    const chip = await client.openChip('hub');
    const config = { direction: 'input', edges: 'none', activeLow: false, eventClock: 'monotonic' } as const;
    await chip.requestLines({ consumer: 'holder', offsets: [6], config });
    expect(await tool('release', 'L6')).toEqual(
      failure("gpiobridge release: line 'L6' is held by 'holder' and free when that ends"),
    );
    expect(await tool('release', 'L7')).toEqual(
      failure("gpiobridge release: line 'L7' is not requested by anyone"),
    );
    await client.synthetic.make({ name: 'door', lines: ['hub:7'], shared: false }, 'connection');
    expect(await tool('request', '-c', 'door', '0=1')).toEqual(DONE);
    expect(await tool('release', '-c', 'hub', '7')).toEqual(
      failure("gpiobridge release: line '7' belongs to synthetic chip 'door': release it there"),
    );
    expect((await tool('info', '-c', 'door')).stdout).toMatch(/persistent/);
    await client.synthetic.delete('door');
    expect(await tool('release')).toEqual(
      failure('gpiobridge release: at least one GPIO line must be specified'),
    );
    expect(await tool('release', '--all', 'L1')).toEqual(
      failure("gpiobridge release: can't combine lines with all"),
    );
    expect(await tool('request')).toEqual(
      failure('gpiobridge request: at least one GPIO line must be specified'),
    );
    expect(await tool('request', 'L1=2')).toEqual(failure("gpiobridge request: invalid line value: '2'"));
    expect(await tool('request', 'L1', '-b', 'pull-up')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/bias pull-up is not possible/),
    });
    client.close();
  });
});
