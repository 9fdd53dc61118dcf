import { describe, expect, it } from 'vitest';
import { HandTime } from '../../../test/conformance/hand-time.js';
import { PairedStream } from '../../../test/support/stream-pair.js';
import { decodeSerialFrame, encodeSerialFrame, type SerialFrame } from '../../wire/serial-frame.js';
import type { LinkObserver } from '../link-observer.js';
import { SerialLink } from './serial-link.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** What an observer was told, in words. */
class Notes implements LinkObserver {
  readonly lines: string[] = [];
  readonly times: bigint[] = [];

  received(frame: SerialFrame, fate: string, atNs: bigint): void {
    this.note(`< ${wordOf(frame)} ${fate}`, atNs);
  }

  discarded({ reason, bytes }: { reason: string; bytes: Uint8Array }, atNs: bigint): void {
    this.note(`< ${bytes.length} bytes ${reason}`, atNs);
  }

  sent(frames: readonly SerialFrame[], resent: number, atNs: bigint): void {
    this.note(`> ${frames.map(wordOf).join(' ')}${resent > 0 ? `, ${resent} resent` : ''}`, atNs);
  }

  take(): string[] {
    return this.lines.splice(0);
  }

  private note(line: string, atNs: bigint): void {
    this.lines.push(line);
    this.times.push(atNs);
  }
}

function wordOf(frame: SerialFrame): string {
  if (frame.kind === 'data') return `data${frame.ns}`;
  return frame.kind === 'ack' ? `${frame.nak ? 'nak' : 'ack'}${frame.nr}` : frame.kind;
}

/** A driver's link that is up, and nothing at the other end but the test. */
async function observed() {
  const time = new HandTime();
  time.now = 1_000_000_000n;
  const [stream] = PairedStream.pair(time);
  const notes = new Notes();
  const link = new SerialLink('serial:test', stream, {
    role: 'driver',
    time,
    random: () => 0.5,
    observer: notes,
  });
  const wait = async (ms: number) => {
    await turn();
    time.advance(ms);
    await turn();
  };
  const arrive = (...frames: SerialFrame[]) => stream.arrive(Buffer.concat(frames.map(encodeSerialFrame)));
  await wait(1);
  let rst: SerialFrame | undefined;
  for (const bytes of stream.writes) {
    // The driver's first frame is its RST: the answer has the same session.
    const frame = decodeSerialFrame(bytes.subarray(0, -1));
    if (frame.kind === 'rst') rst = frame;
  }
  if (rst?.kind !== 'rst') throw new Error('no RST');
  arrive({ ...rst, kind: 'rstack' });
  return { time, stream, notes, link, wait, arrive };
}

const data = (ns: number, nr: number): SerialFrame => ({ kind: 'data', ns, nr, payload: Uint8Array.of(1) });

describe('an observer of a serial link', () => {
  it('is told of every frame and its fate', async () => {
    const { notes, link, wait, arrive, stream } = await observed();
    expect(notes.take()).toEqual(['> rst', '< rstack taken']);
    void link.send(Uint8Array.of(9));
    await wait(0);
    expect(notes.take()).toEqual(['> data0']);
    arrive(data(0, 1), data(0, 1));
    expect(notes.take().slice(0, 2)).toEqual(['< data0 delivered', '< data0 out-of-sequence']);
    arrive({ kind: 'ack', nr: 5, nak: false });
    arrive({ kind: 'plain', payload: Uint8Array.of(1) });
    stream.arrive(Uint8Array.of(5, 1, 2, 3, 4, 0));
    expect(notes.take().filter((line) => line.startsWith('<'))).toEqual([
      '< ack5 out-of-range',
      '< plain ignored',
      '< 5 bytes short',
    ]);
    await link.close();
  });

  it('is told which frames were sent again', async () => {
    const { notes, link, wait } = await observed();
    notes.take();
    void link.send(Uint8Array.of(1)).catch(() => {});
    await wait(0);
    await wait(1);
    notes.take();
    for (let i = 0; i < 400 && notes.lines.length === 0; i++) await wait(10);
    expect(notes.take()).toEqual(['> data0, 1 resent']);
    await link.close();
  });

  it('is told when: of what came, when its bytes did', async () => {
    const { notes, arrive, link, time } = await observed();
    notes.times.length = 0;
    time.now += 5_000_000n;
    arrive(data(0, 0));
    expect(notes.times[0]).toBe(time.now);
    await link.close();
  });
});
