import { expect } from 'vitest';
import { timeouts } from '../../src/base/timeouts.js';
import { receiveFrame } from '../../src/link/serial/arq-receive.js';
import { type ArqConfig, type ArqState, newArq } from '../../src/link/serial/arq-state.js';
import {
  deadline,
  sendPacket,
  sendRoom,
  tick,
  transmit,
  written,
} from '../../src/link/serial/arq-transmit.js';
import type { ResetFrame, SerialFrame } from '../../src/wire/serial-frame.js';

/** One end and a peer that is written out by hand, frame by frame, with the rules of serial-link.md. */
export class Bench {
  now = 10_000;
  readonly arq: ArqState;
  readonly got: number[] = [];
  readonly changes: string[] = [];

  constructor(config: Partial<ArqConfig> & Pick<ArqConfig, 'role'>) {
    const full: ArqConfig = {
      mode: 'reliable',
      window: 7,
      maxPayload: 1024,
      bytesPerMs: Number.POSITIVE_INFINITY,
      limits: timeouts(),
      ...config,
    };
    this.arq = newArq(full, 42, this.now);
  }

  /** Frames that go out now; they are written out at once. */
  out(): SerialFrame[] {
    const frames = transmit(this.arq, this.now);
    written(this.arq, this.arq.writeId, this.now);
    return frames;
  }

  in(frame: SerialFrame, hasRoom = true): this {
    const { packet, change } = receiveFrame(this.arq, frame, this.now, hasRoom);
    if (packet !== undefined) this.got.push(packet[0]!);
    if (change !== undefined) this.changes.push(change.kind);
    return this;
  }

  /** Lets time pass, and says what goes out in it, each with its time from the start of the pause. */
  wait(ms: number): [number, SerialFrame][] {
    const start = this.now;
    const seen: [number, SerialFrame][] = [];
    for (;;) {
      const next = deadline(this.arq);
      if (next > start + ms) break;
      this.now = Math.max(this.now, next);
      const change = tick(this.arq, this.now);
      if (change !== undefined) this.changes.push(change.kind);
      seen.push(...this.out().map((frame): [number, SerialFrame] => [Math.round(this.now - start), frame]));
    }
    this.now = start + ms;
    return seen;
  }

  send(...bytes: number[]): this {
    for (const byte of bytes) {
      expect(sendRoom(this.arq)).toBeGreaterThan(0);
      sendPacket(this.arq, Uint8Array.of(byte));
    }
    return this;
  }

  /** In a session, with nothing in flight; `proven` so that the whole window is used. */
  inSession(proven = true): this {
    if (this.arq.config.role === 'driver') {
      const rst = this.out()[0] as ResetFrame;
      this.in({ ...rst, kind: 'rstack' });
    } else {
      this.out();
      this.in(rst(77));
      this.out();
    }
    expect(this.arq.phase).toBe('up');
    if (proven) {
      this.arq.orderly = 10_000;
      this.arq.intact = 10_000;
      this.arq.accepted = 1_000;
    }
    return this;
  }
}

export const rst = (session: number, window = 7, maxPayload = 1024): ResetFrame => ({
  kind: 'rst',
  window,
  maxPayload,
  session,
});
export const rstack = (session: number, window = 7, maxPayload = 1024): ResetFrame => ({
  kind: 'rstack',
  window,
  maxPayload,
  session,
});
export const data = (ns: number, nr = 0, byte = ns): SerialFrame => ({
  kind: 'data',
  ns,
  nr,
  payload: Uint8Array.of(byte),
});
export const ack = (nr: number): SerialFrame => ({ kind: 'ack', nr, nak: false });
export const nak = (nr: number): SerialFrame => ({ kind: 'ack', nr, nak: true });
export const brief = (frames: readonly SerialFrame[]) =>
  frames.map((frame) => {
    if (frame.kind === 'data') return `D${frame.ns}/${frame.nr}`;
    if (frame.kind === 'ack') return `${frame.nak ? 'N' : 'A'}${frame.nr}`;
    return frame.kind;
  });
export const times = (seen: [number, SerialFrame][]) => seen.map(([at]) => at);
export const sessionOf = (frame: SerialFrame | undefined) => (frame as ResetFrame).session;
