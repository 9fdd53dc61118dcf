import { afterEach, describe, expect, it } from 'vitest';
import type { Level } from '../../src/driver/remote-gpio.js';
import type { LineConfig } from '../../src/gpio/chip.js';
import { DialectRig, type DialectRigOptions, type Watched } from '../support/dialect-rig.js';
import { EdgeLedger } from '../support/edge-ledger.js';

const ALL_LINES = Array.from({ length: 32 }, (_, line) => line);
/** The device's number of its only controller. */
const CONTROLLER = 1;
const INPUT: LineConfig = { direction: 'input', edges: 'none', activeLow: false, eventClock: 'monotonic' };

const rigs: DialectRig[] = [];
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.stop();
});

async function start(limits: DialectRigOptions['limits'] = {}): Promise<DialectRig> {
  const rig = await DialectRig.start({ dialect: 'virtio-msg', port: 'seqpacket', limits });
  rigs.push(rig);
  return rig;
}

function ledgerOf({ events }: Watched): EdgeLedger {
  const ledger = new EdgeLedger(ALL_LINES);
  ledger.take(events);
  return ledger;
}

/** Waits until every edge sensed was delivered or counted, and nothing else was told. */
async function accounted(rig: DialectRig, watched: Watched): Promise<EdgeLedger> {
  const sensed = () => rig.coprocessor.stats().total.sensed;
  await rig.until(() => ledgerOf(watched).accounted >= sensed(), 'every edge to be accounted for');
  const ledger = ledgerOf(watched);
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

describe('virtio-msg over a message socket', () => {
  it('senses 32 lines that toggle at once, each once', async () => {
    const rig = await start();
    const watched = await rig.watch(ALL_LINES, CONTROLLER);
    toggle(rig, 64);
    const ledger = await accounted(rig, watched);
    expect([ledger.delivered, ledger.lost]).toEqual([64, 0]);
  });

  it('delivers every one of thousands of edges, while requests race with them', async () => {
    const rig = await start();
    const watched = await rig.watch(ALL_LINES, CONTROLLER);
    for (let round = 0; round < 60; round++) {
      const reading = watched.request.getValues();
      toggle(rig, 96);
      await reading;
    }
    const ledger = await accounted(rig, watched);
    expect(ledger.delivered + ledger.lost).toBe(60 * 96);
    expect(ledger.lost).toBe(0);
    expect(await watched.request.getValues()).toEqual(ALL_LINES.map((line) => rig.truth.levelOf(line)));
  });

  it('takes no reply that comes after its time for another, and loses no edge by it', async () => {
    const rig = await start({ request: 500 });
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
    const rig = await start();
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
