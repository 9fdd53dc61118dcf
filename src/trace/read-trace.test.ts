import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeTraceHead } from '../wire/trace/file-head.js';
import { putRecord, recordLength, type TraceRecord } from '../wire/trace/record.js';
import { findTraceFiles, newTraceFaults, readTraceFiles } from './read-trace.js';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gb-'));
  path = join(folder, 'trace');
});

afterEach(() => rmSync(folder, { recursive: true }));

function head(part: number, recording = 'one'): Uint8Array {
  return encodeTraceHead({
    madeBy: 'test',
    recording,
    part,
    monotonicNs: 1_000n,
    realtimeNs: 2_000n,
    sources: [],
  });
}

function record(number: number, text = ''): Uint8Array {
  const one: TraceRecord = { kind: 'state', atNs: BigInt(number), source: 0, state: 'up', text };
  const bytes = new Uint8Array(recordLength(one));
  putRecord(one, bytes, 0);
  return bytes;
}

const write = (name: string, ...parts: Uint8Array[]) => writeFileSync(name, Buffer.concat(parts));

async function read(): Promise<{
  times: number[];
  batches: number;
  faults: ReturnType<typeof newTraceFaults>;
}> {
  const faults = newTraceFaults();
  const times: number[] = [];
  let batches = 0;
  for await (const { records } of readTraceFiles(await findTraceFiles(path), faults)) {
    batches++;
    times.push(...records.map(({ atNs }) => Number(atNs)));
  }
  return { times, batches, faults };
}

describe('reading a trace', () => {
  it('takes rotated files together, oldest first, and no others', async () => {
    write(path, head(12), record(5));
    write(`${path}.1`, head(11), record(4));
    write(`${path}.2`, head(10), record(2), record(3));
    write(`${path}.3`, head(1, 'another'), record(1));
    write(`${path}.10`, head(9), record(1));
    write(`${path}.bak`, head(8), record(0));
    write(`${path}.4`, Buffer.from('no trace'));
    expect((await read()).times).toEqual([1, 2, 3, 4, 5]);
  });

  it('tolerates a cut tail, also of a file in the middle', async () => {
    write(path, head(2), record(3), record(4, 'long').subarray(0, 18));
    write(`${path}.1`, head(1), record(1), record(2).subarray(0, 5));
    const { times, faults } = await read();
    expect(times).toEqual([1, 3]);
    expect(faults).toEqual({ cutFiles: 2, damagedBytes: 0, unknownRecords: 0 });
  });

  it('passes over what is damaged, and counts it', async () => {
    const unknown = record(9, 'of a later version');
    unknown[2] = 99;
    write(path, head(1), record(1), Buffer.from('xxxx'), record(2), unknown, record(3));
    const { times, faults } = await read();
    expect(times).toEqual([1, 2, 3]);
    expect(faults).toEqual({ cutFiles: 0, damagedBytes: 4, unknownRecords: 1 });
  });

  it('reads a large file piece by piece, each record once', async () => {
    const many = Array.from({ length: 5_000 }, (_, i) => record(i, 'x'.repeat(i % 1_500)));
    write(path, head(1), ...many);
    const { times, batches, faults } = await read();
    expect(times).toEqual(many.map((_, i) => i));
    expect(batches).toBeGreaterThan(3);
    expect(faults).toEqual(newTraceFaults());
  });

  it('says what is no trace, cut, of another version, or not there', async () => {
    await expect(read()).rejects.toMatchObject({ name: 'NOT_FOUND', message: expect.stringContaining(path) });
    write(path, Buffer.from('Sat Nov 21 02:31:55 UTC 2026'));
    await expect(read()).rejects.toMatchObject({
      name: 'INVALID_ARGUMENT',
      message: `'${path}' is no trace: it does not begin as the files of daemon --trace do`,
    });
    write(path, head(1).subarray(0, 30));
    await expect(read()).rejects.toThrow(`'${path}' is cut inside its head: it holds no records`);
    const other = head(1).slice();
    other[8] = 7;
    write(path, other);
    await expect(read()).rejects.toThrow(`'${path}' is a trace of version 7: this program reads version 1`);
    write(path, new Uint8Array(0));
    await expect(read()).rejects.toThrow('is cut inside its head');
    path = folder;
    await expect(read()).rejects.toThrow('is not a file');
  });
});
