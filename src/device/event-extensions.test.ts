import { describe, expect, it } from 'vitest';
import {
  decodeStampedIrqResponse,
  EVENTQ,
  encodeGpioRequest,
  FEATURE,
  IRQ_TYPE,
  MSG,
  REQUESTQ,
} from '../wire/virtio-gpio.js';
import { GpioDevice } from './gpio-device.js';

const { NONE, EDGE_RISING, EDGE_BOTH, LEVEL_HIGH } = IRQ_TYPE;
const VALID = 1;
const INVALID = 0;
const LINES = 3;

/** The model with both extensions; `room` events may be returned, 100 is the clock unless said otherwise. */
function rig({ queue = true, depth = 3 } = {}) {
  const state = { room: 1000, now: 100 };
  /** [id, status, level, seq, time] of each event buffer, `request` for each answer: in order. */
  const log: (readonly number[] | 'request')[] = [];
  const device = new GpioDevice({
    lineCount: LINES,
    eventDepth: depth,
    features: { irq: true, stamp: true, queue, namesInConfig: false },
    now: () => state.now,
    backend: {
      setDirection: () => undefined,
      setValue: () => undefined,
      getValue: () => 0,
      reset: () => undefined,
    },
  });
  const bits = [FEATURE.IRQ, FEATURE.EVENT_STAMP, ...(queue ? [FEATURE.EVENT_QUEUE] : [])];
  device.start(
    bits.reduce((mask, bit) => mask | (1n << BigInt(bit)), 0n),
    {
      maxReturn: 1000,
      canReturnEvent: () => state.room > 0,
      returnBuffer: (of, id, bytes) => {
        if (of === REQUESTQ) {
          log.push('request');
          return;
        }
        const { status, level, seq, timeNs } = decodeStampedIrqResponse(bytes);
        if (status === VALID) state.room--;
        log.push([id, status, level, seq, Number(timeNs)]);
      },
    },
  );
  const request = (type: number, line: number, value: number) => {
    const out = encodeGpioRequest(type, line, value);
    device.bufferAvailable(REQUESTQ, 999, 2, out, 0, out.length);
  };
  const arm = (line: number, ...ids: number[]) => {
    for (const id of ids) device.bufferAvailable(EVENTQ, id, 16, Uint8Array.of(line, 0), 0, 2);
  };
  const enable = (line: number, type: number) => {
    request(MSG.SET_IRQ_TYPE, line, type);
    log.length = 0;
  };
  /** What came back since the last call. */
  const events = () => log.splice(0);
  /** Edges of EDGE_BOTH at these times, from level 0. */
  const edges = (line: number, ...times: number[]) => {
    times.forEach((time, i) => {
      device.edge(line, (i + 1) % 2, time);
    });
  };
  return { device, state, request, arm, enable, events, edges };
}

describe('EVENT_QUEUE', () => {
  it('returns one buffer for each edge, in order, with number, level and time', () => {
    const { arm, enable, events, edges } = rig();
    enable(0, EDGE_BOTH);
    arm(0, 1, 2);
    edges(0, 11, 12, 13);
    arm(0, 3);
    expect(events()).toEqual([
      [1, VALID, 1, 1, 11],
      [2, VALID, 0, 2, 12],
      [3, VALID, 1, 3, 13],
    ]);
  });

  it('keeps the oldest edges, and gives an account of the others once those are gone', () => {
    const { arm, enable, events, edges } = rig({ depth: 3 });
    enable(0, EDGE_BOTH);
    edges(0, 11, 12, 13, 14, 15);
    arm(0, 1, 2);
    expect(events()).toEqual([
      [1, VALID, 1, 1, 11],
      [2, VALID, 0, 2, 12],
    ]);
    arm(0, 3, 4, 5);
    expect(events()).toEqual([
      [3, VALID, 1, 3, 13],
      [4, INVALID, 1, 5, 100],
    ]);
  });

  it('owes no account where the next edge tells the loss', () => {
    const { arm, enable, events, device } = rig({ depth: 1 });
    enable(0, EDGE_RISING);
    for (const time of [11, 12]) device.edge(0, 1, time);
    arm(0, 1);
    device.edge(0, 1, 13);
    arm(0, 2, 3);
    // The jump to 3 says that edge 2 was lost.
    expect(events()).toEqual([
      [1, VALID, 1, 1, 11],
      [2, VALID, 1, 3, 13],
    ]);
  });

  it('gives the account with a buffer that is queued already', () => {
    const { arm, enable, events, edges, device, state } = rig({ depth: 3 });
    enable(0, EDGE_BOTH);
    state.room = 0;
    arm(0, 1, 2, 3);
    edges(0, 11, 12, 13, 14);
    state.room = 1;
    device.pump();
    arm(0, 4);
    state.room = 2;
    device.pump();
    expect(events()).toEqual([
      [1, VALID, 1, 1, 11],
      [2, VALID, 0, 2, 12],
      [3, VALID, 1, 3, 13],
      [4, INVALID, 0, 4, 100],
    ]);
  });

  it('makes edges leave in the order in which they happened on all lines', () => {
    const { arm, enable, events, device, state } = rig();
    for (const line of [0, 1, 2]) enable(line, EDGE_RISING);
    arm(0, 1, 2);
    arm(1, 3);
    arm(2, 4, 5);
    state.room = 0;
    device.edge(2, 1, 11);
    device.edge(0, 1, 12);
    device.edge(1, 1, 13);
    state.room = 1000;
    // There is room again, but older edges wait: this one must not overtake them.
    device.edge(2, 1, 14);
    device.pump();
    expect(events().map((event) => [event[0], event[4]])).toEqual([
      [4, 11],
      [1, 12],
      [3, 13],
      [5, 14],
    ]);
  });
});

describe('EVENT_STAMP', () => {
  it('keeps the first edge in the latch whole, and counts the others', () => {
    const { arm, enable, events, edges } = rig({ queue: false });
    enable(0, EDGE_BOTH);
    edges(0, 11, 12, 13, 14);
    arm(0, 1);
    arm(0, 2);
    expect(events()).toEqual([
      [1, VALID, 1, 1, 11],
      [2, INVALID, 0, 4, 100],
    ]);
    arm(0, 3);
    expect(events()).toEqual([]);
  });

  it('adds 2 where the level is found unchanged at an edge of EDGE_BOTH', () => {
    const { arm, enable, events, device } = rig();
    enable(0, EDGE_BOTH);
    arm(0, 1, 2);
    device.edge(0, 1, 11);
    device.edge(0, 1, 12);
    expect(events()).toEqual([
      [1, VALID, 1, 1, 11],
      [2, VALID, 1, 3, 12],
    ]);
    expect(device.statsOf(0)).toMatchObject({ sensed: 3, delivered: 2, overflowed: 1 });
  });

  it('accounts for edges that were missed, at once where a buffer is queued', () => {
    const { arm, enable, events, device } = rig();
    enable(0, EDGE_BOTH);
    arm(0, 1, 2);
    device.missed(0, 7);
    expect(events()).toEqual([[1, INVALID, 0, 7, 100]]);
    device.edge(0, 0, 11);
    expect(events()).toEqual([[2, VALID, 0, 8, 11]]);
  });

  it('tells the final number after NONE, until the next enabling', () => {
    const { arm, enable, events, edges, request } = rig();
    enable(0, EDGE_BOTH);
    arm(0, 1, 2);
    edges(0, 11);
    events();
    request(MSG.SET_IRQ_TYPE, 0, NONE);
    expect(events()).toEqual([[2, INVALID, 1, 1, 100], 'request']);
    arm(0, 3);
    expect(events()).toEqual([[3, INVALID, 1, 1, 100]]);
    enable(0, EDGE_BOTH);
    request(MSG.SET_IRQ_TYPE, 0, NONE);
    arm(0, 4);
    expect(events()).toEqual(['request', [4, INVALID, 1, 0, 100]]);
  });

  it('returns the buffers a request invalidates before its answer', () => {
    const { arm, enable, events, request } = rig();
    enable(0, EDGE_BOTH);
    arm(0, 1, 2, 3);
    request(MSG.SET_DIRECTION, 0, 0);
    expect(events().map((event) => (event === 'request' ? event : event[0]))).toEqual([1, 2, 3, 'request']);
  });

  it('counts the returns of a level type, with the time of judgement', () => {
    const { arm, enable, events, device, state } = rig();
    enable(0, LEVEL_HIGH);
    arm(0, 1);
    device.edge(0, 1, 50);
    state.now = 200;
    arm(0, 2);
    expect(events()).toEqual([
      [1, VALID, 1, 1, 100],
      [2, VALID, 1, 2, 200],
    ]);
  });

  it('judges a level again when the channel takes it', () => {
    const { arm, enable, events, device, state } = rig();
    enable(0, LEVEL_HIGH);
    state.room = 0;
    device.edge(0, 1, 50);
    arm(0, 1);
    device.edge(0, 0, 51);
    state.room = 1;
    device.pump();
    expect(events()).toEqual([]);
    device.edge(0, 1, 52);
    expect(events()).toEqual([[1, VALID, 1, 1, 100]]);
  });
});

describe('a resume', () => {
  it('forgets buffers, keeps edges and numbers, and owes each enabled line an account', () => {
    const { arm, enable, events, edges, device } = rig();
    enable(0, EDGE_BOTH);
    enable(1, EDGE_BOTH);
    enable(2, LEVEL_HIGH);
    arm(1, 1, 2, 3);
    edges(0, 11, 12);
    device.forgetBuffers();
    edges(1, 13);
    expect(events()).toEqual([]);
    arm(0, 1, 2, 3, 4);
    arm(1, 5, 6, 7);
    arm(2, 8, 9);
    expect(events()).toEqual([
      [1, VALID, 1, 1, 11],
      [2, VALID, 0, 2, 12],
      [3, INVALID, 0, 2, 100],
      [5, VALID, 1, 1, 13],
      [6, INVALID, 1, 1, 100],
      [8, INVALID, 0, 0, 100],
    ]);
  });

  it('owes nothing for a line that is not enabled, nor twice', () => {
    const { arm, enable, events, device, request } = rig();
    enable(0, EDGE_BOTH);
    request(MSG.SET_IRQ_TYPE, 0, NONE);
    device.forgetBuffers();
    enable(0, EDGE_BOTH);
    arm(0, 1);
    expect(events()).toEqual([]);
    device.forgetBuffers();
    arm(0, 2, 3);
    expect(events()).toEqual([[2, INVALID, 0, 0, 100]]);
  });
});

describe('RESET_VQUEUE of the eventq', () => {
  it('forgets the buffers and nothing else', () => {
    const { arm, enable, events, edges, device } = rig();
    enable(0, EDGE_BOTH);
    arm(0, 1, 2);
    device.resetQueue(EVENTQ);
    edges(0, 11);
    expect(events()).toEqual([]);
    arm(0, 1, 2);
    expect(events()).toEqual([[1, VALID, 1, 1, 11]]);
  });
});

describe('a malformed event buffer', () => {
  it.each([
    ['without a line', [], 16, 16],
    ['cut in the line', [0], 16, 16],
    ['of a line that is not there', [LINES, 0], 16, 16],
    ['too small for the response', [0, 0], 15, 15],
    ['without any room', [0, 0], 0, 0],
  ])('%s comes back INVALID, cut to what fits, all else 0', (_, out, inLength, length) => {
    const { device, events, enable } = rig();
    enable(0, EDGE_BOTH);
    device.edge(0, 1, 11);
    device.start(7n << 61n, {
      maxReturn: 1000,
      canReturnEvent: () => true,
      returnBuffer: (_of, id, bytes) => {
        expect([id, bytes]).toEqual([5, new Uint8Array(length)]);
        returned++;
      },
    });
    let returned = 0;
    device.bufferAvailable(EVENTQ, 5, inLength, Uint8Array.from(out), 0, out.length);
    expect(returned).toBe(1);
    expect(events()).toEqual([]);
  });
});
