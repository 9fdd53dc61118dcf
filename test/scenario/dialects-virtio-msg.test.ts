import { afterEach, describe, expect, it } from 'vitest';
import type { Level } from '../../src/driver/remote-gpio.js';
import type { LineConfig } from '../../src/gpio/chip.js';
import {
  DialectRig,
  type DialectRigOptions,
  RIG_PORTS,
  type RigPort,
  type Watched,
} from '../support/dialect-rig.js';
import { EdgeLedger } from '../support/edge-ledger.js';

const ALL_LINES = Array.from({ length: 32 }, (_, line) => line);
/** The device's number of its only controller. */
const CONTROLLER = 1;
const INPUT: LineConfig = { direction: 'input', edges: 'none', activeLow: false, eventClock: 'monotonic' };

const rigs: DialectRig[] = [];
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.stop();
});

function ledgerOf({ events }: Watched, lines: readonly number[]): EdgeLedger {
  const ledger = new EdgeLedger(lines);
  ledger.take(events);
  return ledger;
}

/** Waits until every edge sensed was delivered or counted, and nothing else was told. */
async function accounted(rig: DialectRig, watched: Watched, lines = ALL_LINES): Promise<EdgeLedger> {
  const sensed = () => rig.coprocessor.stats().total.sensed;
  await rig.until(() => ledgerOf(watched, lines).accounted >= sensed(), 'every edge to be accounted for');
  const ledger = ledgerOf(watched, lines);
  expect(ledger.violations).toEqual([]);
  for (const [offset, line] of ledger.lines) {
    expect(line.accounted).toBe(rig.coprocessor.stats().lines[offset]!.sensed);
  }
  return ledger;
}

/** Toggles a line of all in turn so often, without a pause. */
function toggle(rig: DialectRig, times: number): void {
  for (let i = 0; i < times; i++) {
    const line = i % 32;
    rig.drive(line, (1 - rig.truth.levelOf(line)) as Level);
  }
}

async function start(port: RigPort, limits: DialectRigOptions['limits'] = {}): Promise<DialectRig> {
  const rig = await DialectRig.start({ dialect: 'virtio-msg', port, limits });
  rigs.push(rig);
  return rig;
}

describe.each(RIG_PORTS)('virtio-msg over %s', (port) => {
  /** A PLAIN channel that seems to be silent is recovered, which may cost edges: those are counted. */
  const expectNoLoss = ({ lost }: EdgeLedger): void => {
    if (port !== 'pty, PLAIN') expect(lost).toBe(0);
  };

  it('senses 32 lines that toggle at once, each once', async () => {
    const rig = await start(port);
    const watched = await rig.watch(ALL_LINES, CONTROLLER);
    toggle(rig, 64);
    const ledger = await accounted(rig, watched);
    expect(ledger.delivered + ledger.lost).toBe(64);
    expectNoLoss(ledger);
  });

  it('delivers every one of thousands of edges, while requests race with them', async () => {
    const rig = await start(port);
    const watched = await rig.watch(ALL_LINES, CONTROLLER);
    for (let round = 0; round < 60; round++) {
      const reading = watched.request.getValues();
      toggle(rig, 96);
      await reading;
    }
    const ledger = await accounted(rig, watched);
    expect(ledger.delivered + ledger.lost).toBe(60 * 96);
    expectNoLoss(ledger);
    expect(await watched.request.getValues()).toEqual(ALL_LINES.map((line) => rig.truth.levelOf(line)));
  });

  it('is down while firmware is silent, and up again with what it missed', async () => {
    const rig = await start(port, { request: 300, idle_ping: 100 });
    const watched = await rig.watch([0, 1], CONTROLLER);
    const out = await rig.request([2], { ...INPUT, direction: 'output', value: 1 }, CONTROLLER);
    rig.drive(0, 1);
    await rig.until(() => watched.events.length === 1, 'an edge');
    // Longer than all that is waited for before it is given up.
    rig.fault('delay:3s');
    await rig.until(() => rig.chip(CONTROLLER).state.kind !== 'up', 'the chip to be no more up');
    await expect(out.setValues(new Map([[2, 0 as Level]]))).rejects.toMatchObject({
      name: expect.stringMatching(/^(LINK_DOWN|TIMEOUT)$/),
    });
    for (const level of [0, 1, 0] as const) rig.drive(0, level);
    rig.drive(1, 1);
    rig.coprocessor.clearFaults();
    await rig.until(() => rig.chip(CONTROLLER).state.kind === 'up', 'the chip to be up again', 30_000);
    expect(await rig.answered(() => watched.request.getValues())).toEqual([0, 1]);
    rig.drive(1, 0);
    const { lines } = await accounted(rig, watched, [0, 1]);
    expect([...lines.values()].map(({ accounted }) => accounted)).toEqual([4, 2]);
    expect(await rig.answered(() => out.getValues())).toEqual([1]);
  });
});

/** What no channel may lose that delivers all or breaks; a PLAIN one makes no such promise. */
describe.each(['seqpacket', 'pty'] as const)('virtio-msg over %s, which loses nothing', (port) => {
  it('takes no reply that comes after its time for another, and loses no edge by it', async () => {
    const rig = await start(port, { request: 500 });
    const watched = await rig.watch([0], CONTROLLER);
    const lines = await rig.request([7, 8], INPUT, CONTROLLER);
    rig.coprocessor.drive(8, 1);
    rig.fault('delay:700ms');
    await expect(lines.getValues([7])).rejects.toMatchObject({ name: 'TIMEOUT' });
    rig.drive(0, 1);
    rig.coprocessor.clearFaults();
    for (let round = 0; round < 4; round++) {
      expect(await rig.answered(() => lines.getValues([8, 7]))).toEqual([1, 0]);
    }
    await rig.until(() => watched.events.length > 0, 'the edge');
    expect(watched.events).toMatchObject([{ type: 'edge', edge: 'rising', lost: 0 }]);
  });

  it('keeps every edge while nothing passes, and delivers them with their times', async () => {
    const rig = await start(port);
    const watched = await rig.watch(ALL_LINES, CONTROLLER);
    rig.fault('stall:300ms:290ms');
    await rig.until(() => rig.coprocessor.stats().wire.bytes_stalled! > 0 || toggledOnce(rig), 'a stall');
    toggle(rig, 320);
    const madeNs = process.hrtime.bigint();
    rig.coprocessor.clearFaults();
    const ledger = await accounted(rig, watched);
    expect(ledger.lost).toBe(0);
    const tooLate = watched.events.filter(
      (event) => event.type !== 'edge' || event.timestampNs - BigInt(event.uncertaintyNs!) > madeNs,
    );
    expect(tooLate).toEqual([]);
  });
});

/** An edge shows whether anything passes. */
function toggledOnce(rig: DialectRig): false {
  toggle(rig, 1);
  return false;
}
