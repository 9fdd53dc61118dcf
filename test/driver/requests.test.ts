import { describe, expect, it } from 'vitest';
import { decodeGpioRequest, MSG } from '../../src/wire/virtio-gpio.js';
import type { Message } from '../../src/wire/virtio-msg/message.js';
import { encodeVqUsed, forEachAvail, type VqAvail } from '../../src/wire/virtio-msg/queue.js';
import { useRigs } from './driver-rig.js';

const rig = useRigs();

const isRequest = (message: Message): message is VqAvail => message.type === 'vq-avail' && message.vq === 0;

/** The GPIO requests in what was sent. */
function requestsIn(
  sent: readonly Message[],
): { type: number; gpio: number; value: number; inLen: number }[] {
  return sent.filter(isRequest).flatMap((message) => {
    const found: { type: number; gpio: number; value: number; inLen: number }[] = [];
    forEachAvail(message, (_id, inLen, at, length) => {
      found.push({ ...decodeGpioRequest(message.packet.subarray(at, at + length))!, inLen });
    });
    return found;
  });
}

describe('GPIO requests', () => {
  it('set and get lines', async () => {
    const hub = rig({ coprocessor: { lines: 4 } });
    const remote = await hub.up();
    expect(await remote.getDirection(1)).toBe('none');
    await remote.setDirection(1, 'input');
    expect(await remote.getDirection(1)).toBe('input');
    hub.coprocessor.drive(1, 1);
    expect(await remote.getValue(1)).toBe(1);
    await remote.setValue(0, 1);
    await remote.setDirection(0, 'output');
    expect(hub.coprocessor.pin(0)).toMatchObject({ direction: 'output', level: 1 });
    await remote.releaseLine(0);
    expect(hub.coprocessor.pin(0)).toMatchObject({ direction: 'none' });
  });

  it('made in one turn leave in one message, in order', async () => {
    const hub = rig({ coprocessor: { lines: 16 } });
    const remote = await hub.up();
    hub.link.sent.length = 0;
    await Promise.all(Array.from({ length: 16 }, (_, line) => remote.setValue(line, 1)));
    expect(hub.link.sent.filter(isRequest)).toHaveLength(1);
    expect(requestsIn(hub.link.sent).map(({ gpio }) => gpio)).toEqual(
      Array.from({ length: 16 }, (_, i) => i),
    );
  });

  it('keep the order of a line across its procedures', async () => {
    const hub = rig({ coprocessor: { lines: 2 } });
    const remote = await hub.up();
    hub.link.sent.length = 0;
    await Promise.all([
      remote.setValue(1, 1),
      remote.setDirection(1, 'output'),
      remote.setValue(1, 0),
      remote.getValue(1).then((value) => expect(value).toBe(0)),
    ]);
    expect(requestsIn(hub.link.sent).map(({ type, value }) => [type, value])).toEqual([
      [MSG.SET_VALUE, 1],
      [MSG.SET_DIRECTION, 1],
      [MSG.SET_VALUE, 0],
      [MSG.GET_VALUE, 0],
    ]);
  });

  it('in flight never exceed the requestq, and the rest waits in a bounded queue', async () => {
    const hub = rig({ coprocessor: { lines: 2, requestQueueSize: 4 } });
    const remote = await hub.up();
    let outstanding = 0;
    let most = 0;
    hub.link.losesSent = (message) => {
      if (isRequest(message)) outstanding += message.count;
      most = Math.max(most, outstanding);
      return false;
    };
    hub.link.losesReceived = (message) => {
      if (message.type === 'vq-used' && message.vq === 0) outstanding -= message.count;
      return false;
    };
    const results = await Promise.allSettled(Array.from({ length: 1_100 }, () => remote.getValue(0)));
    expect(most).toBe(4);
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused).toHaveLength(1_100 - 1_024);
    expect(refused[0]).toMatchObject({ reason: { name: 'QUEUE_FULL' } });
  });

  it('say which one failed, and where it was made', async () => {
    const hub = rig({ coprocessor: { lines: 4 } });
    const remote = await hub.up();
    await remote.enableInterrupt(2, 'both');
    async function theCaller(): Promise<void> {
      await remote.getValue(9);
    }
    await expect(theCaller()).rejects.toMatchObject({
      name: 'INVALID_ARGUMENT',
      message: 'hub has no line 9: it has lines 0 to 3',
    });
    hub.link.losesSent = (message) => {
      if (!isRequest(message)) return false;
      forEachAvail(message, (id) => {
        hub.link.inject(encodeVqUsed(1, 0, [{ id, in: Uint8Array.of(1, 0) }]));
      });
      return true;
    };
    async function askRefused(): Promise<void> {
      await remote.setDirection(1, 'input');
    }
    const refused = await askRefused().catch((error: Error) => error);
    expect(refused).toMatchObject({
      name: 'DEVICE_ERROR',
      message: 'hub: SET_DIRECTION 2 of line 1: the coprocessor answered ERR',
    });
    expect((refused as Error).stack).toContain('askRefused');
  });

  it('time out by the limit request, and their ids stay taken until returned', async () => {
    const hub = rig({ coprocessor: { lines: 2, requestQueueSize: 2 }, limits: { request: 200 } });
    const remote = await hub.up();
    const held: VqAvail[] = [];
    hub.link.losesSent = (message) => {
      if (!isRequest(message)) return false;
      held.push(message);
      return true;
    };
    const late = remote.getValue(0).catch((error: Error) => error);
    await hub.advance(250);
    expect(await late).toMatchObject({
      name: 'TIMEOUT',
      message: 'hub: GET_VALUE of line 0: no answer within 200 ms (time limit request)',
    });
    hub.link.losesSent = () => false;
    const ids: number[] = [];
    hub.link.losesSent = (message) => {
      if (isRequest(message)) forEachAvail(message, (id) => ids.push(id));
      return false;
    };
    await Promise.all([remote.getValue(0), remote.getValue(1), remote.getValue(0)]);
    let taken = -1;
    forEachAvail(held[0]!, (id) => {
      taken = id;
    });
    expect(ids).not.toContain(taken);
    // A late answer is nobody's, and frees the id.
    hub.link.inject(encodeVqUsed(1, 0, [{ id: taken, in: Uint8Array.of(0, 1) }]));
    expect(remote.counters.late_answers).toBe(1);
    ids.length = 0;
    await Promise.all([remote.getValue(0), remote.getValue(1)]);
    expect(ids).toContain(taken);
  });

  it('all timed out make the driver reset the device, and outputs are set again', async () => {
    const hub = rig({ coprocessor: { lines: 2, requestQueueSize: 2 }, limits: { request: 100 } });
    const remote = await hub.up();
    await remote.setValue(0, 1);
    await remote.setDirection(0, 'output');
    hub.link.losesReceived = (message) => message.type === 'vq-used' && message.vq === 0;
    const lost = [remote.getValue(0), remote.getValue(1)].map((ask) =>
      ask.catch((error: Error) => error.name),
    );
    await hub.advance(110);
    expect(await Promise.all(lost)).toEqual(['TIMEOUT', 'TIMEOUT']);
    hub.link.losesReceived = () => false;
    await hub.advance(500);
    expect(remote.state.kind).toBe('up');
    expect(hub.coprocessor.pin(0)).toMatchObject({ direction: 'output', level: 1 });
    expect(await remote.getValue(0)).toBe(1);
  });

  it('are refused while there is no channel, with why', async () => {
    const hub = rig();
    const remote = await hub.up();
    await hub.link.close();
    await expect(remote.getValue(0)).rejects.toMatchObject({
      name: 'LINK_DOWN',
      message: 'hub takes no requests now: memory:first: closed',
    });
    expect(remote.state).toEqual({ kind: 'down', reason: 'memory:first: closed' });
  });

  it('drop unknown ids and answers that are too long, and count them', async () => {
    const hub = rig({ coprocessor: { lines: 2 } });
    const remote = await hub.up();
    hub.link.inject(encodeVqUsed(1, 0, [{ id: 77, in: Uint8Array.of(0, 0) }]));
    expect(remote.counters.used_unknown_id).toBe(1);
    hub.link.losesSent = (message) => {
      if (!isRequest(message)) return false;
      forEachAvail(message, (id) => hub.link.inject(encodeVqUsed(1, 0, [{ id, in: new Uint8Array(9) }])));
      return false;
    };
    expect(await remote.getValue(0)).toBe(0);
    expect(remote.counters.used_too_long).toBe(1);
  });
});
