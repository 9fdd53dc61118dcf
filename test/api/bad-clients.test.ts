import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type DecoderOptions, decodeMultiStream, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { type ApiBench, apiBench, until } from '../support/api-bench.js';
import { liveBytes } from '../support/live-bytes.js';

const DECODE: DecoderOptions<undefined> = { useBigInt64: true };

let bench: ApiBench;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await bench.close();
});

async function raw(path = `${bench.layout.chips}/hub`): Promise<Socket> {
  const socket = connect(path);
  socket.on('error', () => {});
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

/** Sends `bytes`; resolves when the daemon hung up. */
async function hangsUp(bytes: Uint8Array): Promise<void> {
  const socket = await raw();
  socket.resume();
  socket.write(bytes);
  await closed(socket);
}

/** Resolves when the socket is closed, in order or with an error. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

/** The answers to calls, in the order they came. */
async function* answers(socket: Socket): AsyncGenerator<[number, number, unknown, unknown]> {
  for await (const message of decodeMultiStream(socket, DECODE)) {
    yield message as [number, number, unknown, unknown];
  }
}

describe('a client that breaks the format', () => {
  const broken: Record<string, Uint8Array> = {
    'a value that is no array': encode('hello'),
    'a reserved byte': Uint8Array.of(0xc1),
    'an array of another length': encode([0, 1, 'chip.info']),
    'an unknown type': encode([7, 1, 'chip.info', []]),
    'an answer': encode([1, 1, null, null]),
    'an id that is no integer': encode([0, 'x', 'chip.info', []]),
    'an id beyond 32 bits': encode([0, 2 ** 33, 'chip.info', []]),
    'a method that is no string': encode([0, 1, 5, []]),
    'parameters that are no array': encode([0, 1, 'chip.info', {}]),
    'a string that claims 4 GiB': Uint8Array.of(0xdb, 0xff, 0xff, 0xff, 0xff),
    'an array that claims 4 Gi values': Uint8Array.of(0x94, 0, 1, 0xdd, 0xff, 0xff, 0xff, 0xff),
    'nesting without end': new Uint8Array(1_000).fill(0x91),
    'a map with a key that is an array': encode([0, 1, 'chip.info', []]).map((byte) => byte),
    'more than 64 KiB': encode([0, 1, 'chip.info', ['x'.repeat(70_000)]]),
    'text sent by mistake': new TextEncoder().encode('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
  };
  broken['a map with a key that is an array'] = Uint8Array.of(0x94, 0, 1, 0xa1, 0x61, 0x91, 0x81, 0x90, 0);

  for (const [what, bytes] of Object.entries(broken)) {
    it(`is disconnected and counted: ${what}`, async () => {
      bench = await apiBench(2);
      const other = await (await bench.client()).openChip('hub');
      await hangsUp(bytes);
      await until(() => bench.server.counters.clients_broke_format === 1, 'counted');
      expect((await other.info()).lines).toBe(2);
    });
  }

  it('takes its lines with it', async () => {
    bench = await apiBench(2);
    const socket = await raw();
    const config = { consumer: 'bad', offsets: [0], config: { direction: 'input' } };
    socket.write(encode([0, 1, 'request.create', [config]]));
    await answers(socket).next();
    expect(bench.server.usage().requests).toBe(1);
    const again = await raw();
    again.resume();
    again.write(Uint8Array.of(0xc1));
    await closed(again);
    expect(bench.server.usage().requests).toBe(1);
    socket.destroy();
    await until(() => bench.server.usage().requests === 0, 'released');
  });
});

describe('a client whose calls make no sense', () => {
  it('is told, and stays connected', async () => {
    bench = await apiBench(2);
    const socket = await raw();
    const calls: [string, unknown[], string][] = [
      ['no.such', [], 'NOT_FOUND'],
      ['daemon.status', [], 'NOT_FOUND'],
      ['__proto__', [], 'NOT_FOUND'],
      ['chip.info', [1], 'INVALID_ARGUMENT'],
      ['chip.lines', [-1], 'INVALID_ARGUMENT'],
      ['chip.lines', [0, 0], 'INVALID_ARGUMENT'],
      ['chip.lines', ['x'], 'INVALID_ARGUMENT'],
      ['chip.line_info', [], 'INVALID_ARGUMENT'],
      ['chip.line_info', [2], 'INVALID_ARGUMENT'],
      ['chip.line_info', [1.5], 'INVALID_ARGUMENT'],
      ['chip.find_line', [7], 'INVALID_ARGUMENT'],
      ['chip.watch', ['weather'], 'INVALID_ARGUMENT'],
      ['request.create', [null], 'INVALID_ARGUMENT'],
      ['request.create', [new Date()], 'INVALID_ARGUMENT'],
      ['request.create', [{ consumer: 'x', offsets: [0] }], 'INVALID_ARGUMENT'],
      [
        'request.create',
        [{ consumer: 'x', offsets: [9], config: { direction: 'input' } }],
        'INVALID_ARGUMENT',
      ],
      [
        'request.create',
        [{ consumer: 'x', offsets: [0], config: { direction: 'input', bias: 1 } }],
        'INVALID_ARGUMENT',
      ],
      [
        // Half a surrogate pair, which would be in the way of whoever lists the lines.
        'request.create',
        [{ consumer: '\ud800', offsets: [0], config: { direction: 'input' } }],
        'INVALID_ARGUMENT',
      ],
      ['request.get_values', [1], 'NOT_FOUND'],
      ['request.set_values', [1, [[0, 1]]], 'NOT_FOUND'],
      ['request.release', [2 ** 31], 'NOT_FOUND'],
      ['request.release', [{}], 'INVALID_ARGUMENT'],
    ];
    calls.forEach(([method, params], id) => {
      socket.write(encode([0, id, method, params]));
    });
    const seen = new Map<number, unknown>();
    for await (const [type, id, error, result] of answers(socket)) {
      expect([type, result]).toEqual([1, null]);
      seen.set(id, (error as { name: string }).name);
      if (seen.size === calls.length) break;
    }
    expect(calls.map((_, id) => seen.get(id))).toEqual(calls.map(([, , name]) => name));
    expect(bench.server.counters.clients_broke_format).toBe(0);
  });

  it('may write its integers in 64 bits, as encoders of some languages do', async () => {
    bench = await apiBench(2);
    const socket = await raw();
    const config = { consumer: 'wide', offsets: [0n, 1n], config: { direction: 'output', value: 1n } };
    const calls = [
      ['request.create', [config]],
      ['request.set_values', [1n, [[1n, 0n]]]],
      ['request.get_values', [1n, [1n, 0n]]],
    ];
    const replies = answers(socket);
    const results: unknown[] = [];
    for (const [id, call] of calls.entries()) {
      socket.write(encode([0n, BigInt(id), ...call], { useBigInt64: true }));
      const [type, echoed, error, result] = (await replies.next()).value!;
      expect([type, echoed, error]).toEqual([1, id, null]);
      results.push(result);
    }
    expect(results).toEqual([{ id: 1, offsets: [0, 1] }, null, [0, 1]]);
  });

  it('is answered in pages that fit, whatever it asks for', async () => {
    bench = await apiBench(3_000);
    const socket = await raw();
    socket.write(encode([0, 1, 'chip.lines', [2_990, 4_000_000]]));
    socket.write(encode([0, 2, 'chip.lines', [5_000]]));
    socket.write(encode([0, 3, 'chip.lines', [0, 10]]));
    const pages: unknown[] = [];
    for await (const [, id, error, result] of answers(socket)) {
      expect(error).toBeNull();
      const { items, next } = result as { items: unknown[]; next: number | null };
      pages[id] = [items.length, next];
      if (pages.filter(Boolean).length === 3) break;
    }
    expect(pages.slice(1)).toEqual([
      [10, null],
      [0, null],
      [10, 10],
    ]);
  });

  it('gets every answer when it asks thousands of things at once', async () => {
    bench = await apiBench(2);
    const socket = await raw();
    const calls = 5_000;
    socket.write(Buffer.concat(Array.from({ length: calls }, (_, id) => encode([0, id, 'chip.info', []]))));
    let count = 0;
    for await (const [, id] of answers(socket)) {
      expect(id).toBe(count);
      if (++count === calls) break;
    }
  });

  it('does not fill the memory when it never takes its answers', async () => {
    bench = await apiBench(256);
    const socket = await raw();
    socket.pause();
    const call = encode([0, 1, 'chip.lines', []]);
    const many = Buffer.concat(Array.from({ length: 2_000 }, () => call));
    for (let i = 0; i < 20; i++) socket.write(many);
    let calls = -1;
    await until(() => {
      const still = calls === bench.server.counters.calls;
      calls = bench.server.counters.calls;
      return still && calls > 0;
    }, 'the daemon stopped reading');
    // 40,000 answers of 20 kB would be 800 MB.
    expect(calls).toBeLessThan(5_000);
    const other = await (await bench.client()).openChip('hub');
    expect((await other.info()).lines).toBe(256);
  });
});

describe('random bytes', () => {
  it('leave a live server up, its memory flat, and other clients alone', async () => {
    bench = await apiBench(8);
    const other = await (await bench.client()).openChip('hub');
    const method = fc.constantFrom('chip.info', 'chip.lines', 'request.create', 'request.release', 'x');
    const anything = fc.anything({
      withBigInt: false,
      withDate: true,
      values: [fc.integer(), fc.string(), fc.boolean(), fc.double(), fc.constant(null)],
    });
    const near = fc
      .tuple(fc.integer({ min: 0, max: 3 }), fc.nat(), method, fc.array(anything, { maxLength: 3 }))
      .map(([type, id, name, params]) => encodeOr([type, id, name, params]));
    const mutated = fc
      .tuple(near, fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }))
      .map(([bytes, changes]) => {
        const copy = Uint8Array.from(bytes);
        for (const [at, byte] of changes) if (copy.length > 0) copy[at % copy.length] = byte;
        return copy;
      });
    const send = async (bytes: Uint8Array) => {
      const socket = await raw();
      socket.resume();
      socket.end(bytes);
      await closed(socket);
      sockets.splice(sockets.indexOf(socket), 1);
    };
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 3_000 }), near, mutated);
    await fc.assert(fc.asyncProperty(bytes, send), { numRuns: 200 });
    const before = liveBytes();
    await fc.assert(fc.asyncProperty(bytes, send), { numRuns: 1_500 });
    expect(liveBytes() - before).toBeLessThan(4e6);
    expect((await other.info()).lines).toBe(8);
    await until(() => bench.server.usage().clients === 1, 'only the other client is left');
    expect(bench.server.counters.clients_broke_format).toBeGreaterThan(100);
  });
});

function encodeOr(value: unknown): Uint8Array {
  try {
    return encode(value);
  } catch {
    return encode(null);
  }
}
