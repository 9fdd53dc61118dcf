import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RpcConnection } from '../../src/api/client/rpc.js';
import type { RequestEvent } from '../../src/api/client/types.js';
import { chipSocket } from '../../src/api/runtime-dir.js';
import { METHOD } from '../../src/api/schema.js';
import { BOTH, INPUT, OUTPUT } from '../contract/chip.js';
import { type ApiBench, apiBench, until } from '../support/api-bench.js';

let bench: ApiBench;
beforeEach(async () => {
  bench = await apiBench(16);
});
afterEach(() => bench.close());

const socketOf = (chip: string) => chipSocket(bench.layout, chip);
const description = (name: string, ...lines: string[]) => ({ name, lines, shared: false });

describe('synthetic chips over the control socket', () => {
  it('are made, used, listed and deleted', async () => {
    const client = await bench.client();
    await client.synthetic.make({ ...description('door', 'hub:L3', 'hub:5=lock'), mode: '0600' });
    expect(statSync(socketOf('door')).mode & 0o777).toBe(0o600);
    const chip = await client.openChip('door');
    expect((await chip.lines()).map(({ name }) => name)).toEqual(['L3', 'lock']);
    const request = await chip.requestLines({
      consumer: 'lockd',
      offsets: [1],
      config: { ...OUTPUT, value: 1 },
    });
    expect(bench.remote.levels[5]).toBe(1);
    expect(await client.synthetic.list()).toEqual([
      {
        name: 'door',
        lines: ['hub:L3', 'hub:5=lock'],
        mode: '0600',
        shared: false,
        lifetime: 'daemon',
        state: { kind: 'up' },
      },
    ]);
    expect(await client.synthetic.lines('door')).toMatchObject([
      { offset: 0, name: 'L3', parent: 'hub', parentOffset: 3, consumer: null, throughChip: null },
      { offset: 1, name: 'lock', parentOffset: 5, consumer: 'lockd', throughChip: 'door', unavailable: null },
    ]);
    const seen: RequestEvent[] = [];
    const reading = (async () => {
      for await (const batch of request.events()) seen.push(...batch);
    })().catch(() => {});
    await client.synthetic.delete('door');
    expect(bench.remote.directions[5]).toBe('none');
    expect(existsSync(socketOf('door'))).toBe(false);
    await reading;
    expect(seen).toEqual([{ type: 'ended', chip: 'door', reason: "chip 'door': it was deleted" }]);
    await expect(client.synthetic.delete('door')).rejects.toMatchObject({ name: 'NOT_FOUND' });
  });

  it('bring edges with the offsets and names of the synthetic chip', async () => {
    const client = await bench.client();
    await client.synthetic.make(description('door', 'hub:9-8'));
    const chip = await client.openChip('door');
    const request = await chip.requestLines({ consumer: 'x', offsets: [0, 1], config: BOTH });
    bench.remote.sense([8, 9, 8]);
    for await (const batch of request.events()) {
      expect(batch).toMatchObject([
        { chip: 'door', offset: 1, edge: 'rising', seqno: 1, lineSeqno: 1 },
        { chip: 'door', offset: 0, edge: 'rising', seqno: 2, lineSeqno: 1 },
        { chip: 'door', offset: 1, edge: 'falling', seqno: 3, lineSeqno: 2 },
      ]);
      break;
    }
  });

  it('go with the connection that they live as long as', async () => {
    const maker = await bench.client();
    const user = await bench.client();
    await maker.synthetic.make(description('door', 'hub:3'), 'connection');
    await maker.synthetic.make(description('stays', 'hub:4'));
    const chip = await user.openChip('door');
    await chip.requestLines({ consumer: 'x', offsets: [0], config: { ...OUTPUT, value: 1 } });
    maker.close();
    await until(() => bench.remote.directions[3] === 'none', 'line 3 to be free');
    await until(() => !existsSync(socketOf('door')), 'the socket to be gone');
    expect((await user.synthetic.list()).map(({ name }) => name)).toEqual(['stays']);
    await user.synthetic.make(description('door', 'hub:3'));
  });

  it('tell their users that their coprocessor is down, and only the control socket why', async () => {
    const client = await bench.client();
    await client.synthetic.make(description('door', 'hub:3'));
    const reason = 'unix:/run/secret: in use by pid 812 (minicom)';
    bench.remote.state$.next({ kind: 'down', reason });
    const chip = await client.openChip('door');
    const told = "its coprocessor is down; 'gpiobridge status' tells whoever may use the control socket why";
    expect((await chip.info()).state).toEqual({ kind: 'down', reason: told });
    expect((await chip.lineInfo(0)).unavailable).toBe(told);
    await expect(chip.requestLines({ consumer: 'x', offsets: [0], config: INPUT })).rejects.toMatchObject({
      name: 'LINK_DOWN',
      message: `chip 'door' is down: ${told}`,
    });
    const whole = `chip 'hub' is down: ${reason}`;
    expect((await client.synthetic.list())[0]!.state).toEqual({ kind: 'down', reason: whole });
    expect((await client.synthetic.lines('door'))[0]!.unavailable).toBe(whole);
  });

  it('are not taken for those of the same name that somebody else made later', async () => {
    const [first, second] = [await bench.client(), await bench.client()];
    await first.synthetic.make(description('door', 'hub:3'), 'connection');
    await second.synthetic.delete('door');
    await second.synthetic.make(description('door', 'hub:4'));
    first.close();
    await until(() => bench.server.usage().clients === 1, 'the first maker to be gone');
    // Many calls, behind all that the end of the connection began.
    for (let i = 0; i < 50; i++) {
      expect(await second.synthetic.list()).toMatchObject([{ name: 'door', lines: ['hub:4'] }]);
    }
  });

  it('that are being made when their connection goes are gone as well', async () => {
    const rpc = await RpcConnection.open(bench.layout.control, 1_000);
    const chip = { ...description('door', 'hub:3'), lifetime: 'connection' };
    const making = rpc.call(METHOD.SYNTHETIC_MAKE, [chip]).catch(() => {});
    rpc.close();
    await making;
    const client = await bench.client();
    const gone = async () => (await client.synthetic.list()).length === 0;
    for (let i = 0; i < 100 && !(await gone()); i++) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await gone()).toBe(true);
    await client.synthetic.make(description('other', 'hub:3'));
  });

  it('are refused where a line is in use, taken, or not there; and nothing is left behind', async () => {
    const client = await bench.client();
    const hub = await client.openChip('hub');
    await hub.requestLines({ consumer: 'me', offsets: [0], config: INPUT });
    await client.synthetic.make(description('door', 'hub:L3'));
    const refusals: [ReturnType<typeof description>, string, RegExp][] = [
      [description('x', 'hub:1', 'hub:0'), 'BUSY', /^line 0 of chip 'hub' is in use by 'me': release it/],
      [
        description('x', 'hub:1', 'hub:3'),
        'BUSY',
        /^line 3 \('L3'\) of chip 'hub' belongs to synthetic chip 'door'$/,
      ],
      [description('x', 'hub:L3'), 'BUSY', /^line L3 of chip 'hub' belongs to synthetic chip 'door'$/],
      [
        description('x', 'hub:1', 'hub:L1'),
        'BUSY',
        /^line 1 \('L1'\) of chip 'hub' is there already, as line 0$/,
      ],
      [description('x', 'hub:16'), 'LINE_GONE', /^chip 'hub' has no line 16 now$/],
      [description('x', 'hub:nope'), 'LINE_GONE', /^chip 'hub' has no line 'nope' now$/],
      [description('x', 'rub:1'), 'NOT_FOUND', /^there is no chip 'rub'/],
      [description('x', 'door:0'), 'NOT_SUPPORTED', /^chip 'door' is synthetic itself/],
      [description('door', 'hub:1'), 'BUSY', /^there is a synthetic chip 'door' already$/],
      [description('hub', 'hub:1'), 'BUSY', /^'hub' is the name of a chip of coprocessor 'hub'$/],
      [description('../x', 'hub:1'), 'INVALID_ARGUMENT', /^name: '..\/x' is no name/],
      [
        { ...description('x', 'hub:1'), ...{ owner: '4294967295' } },
        'INVALID_ARGUMENT',
        /^owner: '4294967295' is no number of a user or group: they go from 0 to 4294967294$/,
      ],
      [
        { ...description('x', 'hub:1'), ...{ group: '99999999999' } },
        'INVALID_ARGUMENT',
        /^group: '99999999999' is no number/,
      ],
      [
        { ...description('x', 'hub:1'), ...{ owner: 'nobody-of-that-name' } },
        'INVALID_ARGUMENT',
        /no user 'nobody-of/,
      ],
    ];
    for (const [wanted, name, message] of refusals) {
      await expect(client.synthetic.make(wanted), String(message)).rejects.toMatchObject({ name, message });
      expect(existsSync(join(bench.layout.chips, 'x'))).toBe(false);
    }
    await client.synthetic.make(description('x', 'hub:1'));
    await expect(
      client.synthetic.make({ ...description('y', 'hub:0'), shared: true }),
    ).resolves.toBeUndefined();
  });

  it('are refused where what was sent makes no sense, and the connection lives', async () => {
    const rpc = await RpcConnection.open(bench.layout.control, 1_000);
    const nonsense: unknown[][] = [
      [],
      [1],
      [{}],
      [{ name: 'x' }],
      [{ name: 'x', lines: 'hub:1' }],
      [{ name: 'x', lines: [] }],
      [{ name: 'x', lines: [1] }],
      [{ name: 7, lines: ['hub:1'] }],
      [{ name: 'x', lines: ['hub:1'], mode: 0o660 }],
      [{ name: 'x', lines: ['hub:1'], shared: 1 }],
      [{ name: 'x', lines: ['hub:1'], lifetime: 'forever' }],
      [{ name: 'x', lines: ['hub:1'], colour: 'red' }],
      [{ name: 'x', lines: ['x'.repeat(60_000)] }],
    ];
    for (const params of nonsense) {
      await expect(rpc.call(METHOD.SYNTHETIC_MAKE, params), JSON.stringify(params)).rejects.toMatchObject({
        name: 'INVALID_ARGUMENT',
      });
    }
    await expect(rpc.call(METHOD.SYNTHETIC_DELETE, [['door']])).rejects.toMatchObject({
      name: 'INVALID_ARGUMENT',
    });
    expect(await rpc.call(METHOD.SYNTHETIC_LIST)).toEqual({ items: [], next: null });
    rpc.close();
  });
});
