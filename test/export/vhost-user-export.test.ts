import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configPayload, REQUEST } from '../../src/wire/vhost-user.js';
import {
  DIRECTION,
  decodeGpioConfig,
  EVENTQ,
  encodeGpioRequest,
  IRQ_TYPE,
  MSG,
  REQUESTQ,
} from '../../src/wire/virtio-gpio.js';
import { until } from '../contract/packet-link.js';
import { GuestRig } from '../support/guest-rig.js';
import { DEFAULT_PLAN, SharedGuestMemory } from '../support/vhost-user/guest-memory.js';

const OK = [0, 0];
const ERR = [1, 0];

let rig: GuestRig;
beforeEach(() => {
  rig = new GuestRig();
});
afterEach(() => rig.close());

const report = () => rig.exported.report();
const used = () => rig.chip!.lineInfo(1).used || rig.chip!.lineInfo(2).used;

/** A guest's driver is ready, with an output on and an interrupt armed. */
async function busyGuest(): Promise<number> {
  await rig.plugIn();
  await rig.connect();
  expect(await rig.ask(MSG.SET_VALUE, 1, 1)).toEqual(OK);
  expect(await rig.ask(MSG.SET_DIRECTION, 1, DIRECTION.OUT)).toEqual(OK);
  expect(await rig.ask(MSG.SET_DIRECTION, 2, DIRECTION.IN)).toEqual(OK);
  expect(await rig.ask(MSG.SET_IRQ_TYPE, 2, IRQ_TYPE.EDGE_BOTH)).toEqual(OK);
  return rig.arm(2);
}

describe('a chip for a virtual machine', () => {
  it('is offered once it is there, and says what it waits for', async () => {
    expect(report()).toMatchObject({ state: 'waiting', reason: "there is no chip 'hub' yet", lines: 0 });
    await rig.plugIn();
    await until(() => report().state === 'listening');
    expect(report()).toMatchObject({ lines: 4, reason: undefined, requestedLines: [] });
  });

  it('tells its guest of its lines', async () => {
    await rig.plugIn();
    await rig.connect();
    const { payload } = await rig.front!.ask(
      REQUEST.GET_CONFIG,
      configPayload({ offset: 0, size: 8, flags: 0 }, new Uint8Array(8)),
    );
    const config = decodeGpioConfig(payload.subarray(12))!;
    expect(config).toEqual({ ngpio: 4, gpioNamesSize: 'DOOR.LAMP.BUTTON..'.length });
    const id = rig.requests.add(encodeGpioRequest(MSG.GET_LINE_NAMES, 0, 0), 1 + config.gpioNamesSize);
    const [names] = await rig.returned(REQUESTQ);
    expect([names!.head, Buffer.from(names!.bytes).toString('latin1')]).toEqual([
      id,
      '\0DOOR\0LAMP\0BUTTON\0\0',
    ]);
    expect(report()).toMatchObject({ state: 'running', pid: process.pid });
  });

  it('is driven by it, and its edges arrive', async () => {
    const armed = await busyGuest();
    expect(rig.rig.coprocessor.pin('LAMP')).toMatchObject({ direction: 'output', level: 1 });
    expect(rig.chip!.lineInfo(2)).toMatchObject({ consumer: 'vm:vm', edges: 'both' });
    rig.rig.coprocessor.drive('BUTTON', 1);
    expect(await rig.returned(EVENTQ)).toEqual([{ head: armed, bytes: Uint8Array.of(1) }]);
    expect(report()).toMatchObject({
      requestedLines: [1, 2],
      counters: { edges_sensed: 1, edges_delivered: 1, edges_coalesced: 0, requests: 4 },
    });
  });

  it('answers requests in their order', async () => {
    await rig.plugIn();
    await rig.connect();
    const asked = [
      rig.request(MSG.SET_DIRECTION, 1, DIRECTION.OUT),
      rig.request(MSG.GET_DIRECTION, 0),
      rig.request(MSG.SET_DIRECTION, 2, DIRECTION.IN),
      rig.request(99, 77),
      rig.requests.add(Uint8Array.of(1), 2),
    ];
    const answers = await rig.returned(REQUESTQ, asked.length);
    expect(answers.map(({ head }) => head)).toEqual(asked);
    expect(answers.map(({ bytes }) => bytes[0])).toEqual([0, 0, 0, 1, 1]);
  });

  it('gives the lines of a guest back that is gone, and serves the next', async () => {
    await busyGuest();
    rig.front!.close();
    await until(() => !used());
    expect(rig.rig.coprocessor.pin('LAMP').direction).toBe('none');
    expect(report()).toMatchObject({ state: 'listening', reason: 'the hypervisor hung up' });
    rig.bootGuest();
    await rig.connect();
    expect(await rig.ask(MSG.GET_DIRECTION, 1)).toEqual([0, DIRECTION.IN]);
    expect(await rig.ask(MSG.SET_DIRECTION, 1, DIRECTION.OUT)).toEqual(OK);
    expect(rig.rig.coprocessor.pin('LAMP')).toMatchObject({ direction: 'output', level: 0 });
    expect(report().counters.requests).toBe(6);
  });

  it('stops the queue of a guest that breaks it, and says so', async () => {
    await busyGuest();
    rig.events.offer(rig.events.size + 9);
    await until(() => report().brokenQueues.size > 0);
    expect([...report().brokenQueues.keys()]).toEqual([EVENTQ]);
    expect(rig.logs.some((line) => line.startsWith('warn queue_stopped'))).toBe(true);
    expect(await rig.ask(MSG.GET_VALUE, 1)).toEqual([0, 1]);
  });

  it('warns once of a hypervisor that could make its memory shorter', async () => {
    const warnings = () => rig.logs.filter((line) => line.startsWith('warn memory_not_sealed'));
    await rig.plugIn();
    await rig.connect();
    expect(await rig.ask(MSG.GET_DIRECTION, 1)).toEqual([0, DIRECTION.IN]);
    expect(warnings()).toEqual([]);
    rig.front!.close();
    rig.bootGuest(new SharedGuestMemory(DEFAULT_PLAN, false));
    await rig.connect();
    await rig.front!.setMemory(rig.guest.memory);
    expect(await rig.ask(MSG.GET_DIRECTION, 1)).toEqual([0, DIRECTION.IN]);
    expect(warnings()).toHaveLength(1);
    expect(warnings()[0]).toMatch(/memory-backend-memfd.*gpiobridge export/);
  });
});

describe('a guest that runs on', () => {
  it('finds all as it was when its hypervisor connects again', async () => {
    const armed = await busyGuest();
    await rig.reconnect();
    await until(() => report().requestedLines.length === 2);
    expect(await rig.ask(MSG.GET_DIRECTION, 1)).toEqual([0, DIRECTION.OUT]);
    expect(await rig.ask(MSG.SET_VALUE, 1, 0)).toEqual(OK);
    expect(rig.rig.coprocessor.pin('LAMP')).toMatchObject({ direction: 'output', level: 0 });
    rig.rig.coprocessor.drive('BUTTON', 1);
    expect((await rig.returned(EVENTQ)).map(({ head }) => head)).toEqual([armed]);
  });

  it('finds all as it was when this process was another one, and no buffer twice', async () => {
    const armed = await busyGuest();
    for (let line = 0; line < 2; line++) await rig.ask(MSG.GET_VALUE, line);
    // Asked while nobody serves.
    await rig.exported.close();
    const waiting = rig.request(MSG.SET_VALUE, 1, 0);
    rig.startExport();
    await rig.reconnect();
    expect(await rig.returned(REQUESTQ)).toEqual([{ head: waiting, bytes: Uint8Array.of(0, 0) }]);
    await until(() => report().requestedLines.length === 2);
    rig.rig.coprocessor.drive('BUTTON', 1);
    expect((await rig.returned(EVENTQ)).map(({ head }) => head)).toEqual([armed]);
    for (let i = 0; i < 3; i++) {
      const again = rig.arm(2);
      rig.rig.coprocessor.drive('BUTTON', i % 2 === 0 ? 0 : 1);
      expect((await rig.returned(EVENTQ)).map(({ head }) => head)).toEqual([again]);
    }
    expect(report().counters).toMatchObject({ unknown_losses: 1, edges_delivered: 4, returns_ignored: 0 });
  });

  it('has one interrupt for a line that changed while nobody served it, and none for one that did not', async () => {
    await busyGuest();
    expect(await rig.ask(MSG.SET_IRQ_TYPE, 3, IRQ_TYPE.EDGE_BOTH)).toEqual(OK);
    rig.arm(3);
    // Both pressed, and told of.
    for (const line of [2, 3]) rig.rig.coprocessor.drive(line, 1);
    expect(await rig.returned(EVENTQ, 2)).toHaveLength(2);
    const armed = rig.arm(2);
    const other = rig.arm(3);
    for (const restart of [true, false]) {
      if (restart) await rig.exported.close();
      else rig.front!.close();
      await until(() => !rig.chip!.lineInfo(2).used && !rig.chip!.lineInfo(3).used);
      rig.rig.coprocessor.drive('BUTTON', restart ? 0 : 1);
      if (restart) rig.startExport();
      await rig.reconnect();
      const [told] = await rig.returned(EVENTQ);
      expect(told!.bytes).toEqual(Uint8Array.of(1));
      if (restart) expect(told!.head).toBe(armed);
      rig.arm(2);
    }
    // The next of the other line is an edge that there was.
    rig.rig.coprocessor.drive(3, 0);
    expect((await rig.returned(EVENTQ)).map(({ head }) => head)).toEqual([other]);
    expect(report().counters).toMatchObject({ edges_sensed: 3, edges_delivered: 3, edges_coalesced: 0 });
  });

  it('has an interrupt for an edge that waited for it to arm when the process died', async () => {
    await busyGuest();
    rig.rig.coprocessor.drive('BUTTON', 1);
    expect(await rig.returned(EVENTQ)).toHaveLength(1);
    rig.rig.coprocessor.drive('BUTTON', 0);
    await until(() => report().counters.edges_sensed === 2);
    await rig.exported.close();
    await until(() => !rig.chip!.lineInfo(2).used);
    rig.startExport();
    await rig.reconnect();
    const armed = rig.arm(2);
    expect((await rig.returned(EVENTQ)).map(({ head }) => head)).toEqual([armed]);
    // That it was told is known, too.
    await rig.reconnect();
    const next = rig.arm(2);
    await until(() => report().requestedLines.length === 2);
    rig.rig.coprocessor.drive('BUTTON', 1);
    expect((await rig.returned(EVENTQ)).map(({ head }) => head)).toEqual([next]);
    expect(report().counters).toMatchObject({ edges_sensed: 2, edges_delivered: 2, edges_coalesced: 0 });
  });

  it('waits for the coprocessor that is not there again yet', async () => {
    await busyGuest();
    await rig.exported.close();
    const own = rig.chip;
    rig.chip = undefined;
    rig.startExport();
    await rig.reconnect();
    const asked = [
      rig.request(MSG.SET_VALUE, 1, 0),
      rig.request(MSG.GET_VALUE, 0),
      rig.request(MSG.SET_DIRECTION, 3, DIRECTION.IN),
    ];
    await until(() => report().waitingRequests === asked.length);
    rig.replaceChip(own);
    const answers = await rig.returned(REQUESTQ, asked.length);
    expect(answers.map(({ head }) => head)).toEqual(asked);
    expect(answers.map(({ bytes }) => bytes[0])).toEqual([0, 0, 0]);
    expect(rig.rig.coprocessor.pin('LAMP')).toMatchObject({ direction: 'output', level: 0 });
  });

  it('is served by what it was told, where the coprocessor does not come back for long', async () => {
    await busyGuest();
    await rig.exported.close();
    const own = rig.chip;
    rig.chip = undefined;
    rig.chipMs = 50;
    rig.startExport();
    await rig.reconnect();
    expect(report()).toMatchObject({ state: 'running', lines: 4 });
    expect(await rig.ask(MSG.SET_VALUE, 1, 0)).toEqual(ERR);
    rig.replaceChip(own);
    await until(() => report().requestedLines.length === 2);
    expect(await rig.ask(MSG.SET_VALUE, 1, 0)).toEqual(OK);
  });

  it('keeps the lines that it knows when the chip has others', async () => {
    await busyGuest();
    const other = new GuestRig({ coprocessor: { lines: 2, names: ['SIREN'] } });
    await other.plugIn();
    const own = rig.chip;
    rig.replaceChip(other.chip);
    await until(() => report().outdated);
    expect(rig.logs.some((line) => line.startsWith('warn description_changed'))).toBe(true);
    expect(await rig.ask(MSG.SET_DIRECTION, 3, DIRECTION.IN)).toEqual(ERR);
    expect(await rig.ask(MSG.SET_DIRECTION, 0, DIRECTION.IN)).toEqual(ERR);
    expect(report().lines).toBe(4);
    rig.replaceChip(own);
    await until(() => !report().outdated);
    await other.close();
  });

  it('is outdated from the start where the chip has other lines when this process comes', async () => {
    await busyGuest();
    await rig.exported.close();
    const other = new GuestRig({ coprocessor: { lines: 2, names: ['SIREN'] } });
    await other.plugIn();
    const own = rig.chip;
    rig.chip = other.chip;
    rig.startExport();
    await until(() => report().outdated);
    expect(report().lines).toBe(4);
    rig.replaceChip(own);
    await until(() => !report().outdated);
    await other.close();
  });
});
