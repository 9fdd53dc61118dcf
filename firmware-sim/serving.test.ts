import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filter, firstValueFrom, timeout } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLink } from '../src/link/open.js';
import type { PacketLink } from '../src/link/packet-link.js';
import { systemTime } from '../src/linux/clock.js';
import { decodeStampedIrqResponse, IRQ_TYPE, MSG } from '../src/wire/virtio-gpio.js';
import { decodeMessage } from '../src/wire/virtio-msg/message.js';
import { forEachUsed, VqAvailBuilder } from '../src/wire/virtio-msg/queue.js';
import { RawDriver } from '../test/conformance/raw-driver.js';
import { STEP_MS } from '../test/support/limits.js';
import { SimulatedCoprocessor } from './coprocessor.js';
import type { CoprocessorOptions } from './options.js';

const ALL = (1n << 64n) - 1n;

let directory: string;
const open: { close(): Promise<void> }[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gpiobridge-sim-'));
});
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
  rmSync(directory, { recursive: true, force: true });
});

function start(options: CoprocessorOptions): SimulatedCoprocessor {
  const coprocessor = new SimulatedCoprocessor(options);
  open.push(coprocessor);
  return coprocessor;
}

async function connect(url: string): Promise<PacketLink> {
  const link = openLink(url, { time: systemTime, random: Math.random });
  open.push(link);
  await until(link, 1);
  return link;
}

/** Waits for the channel of this number, or a later one. */
function until(link: PacketLink, channel: number): Promise<unknown> {
  return firstValueFrom(
    link.state$.pipe(
      filter((state) => state.kind === 'up' && state.channel >= channel),
      timeout(STEP_MS),
    ),
  );
}

/** Returns each event buffer that comes back, and notes every VALID one's line and number. */
function takeEvents(link: PacketLink, lineOf: (id: number) => number): [line: number, seq: number][] {
  const events: [number, number][] = [];
  link.packets$.subscribe(({ packets }) => {
    const again = new VqAvailBuilder(1, 1, 512);
    for (const packet of packets) {
      const message = decodeMessage(packet);
      if (message.type !== 'vq-used' || message.vq !== 1) continue;
      forEachUsed(message, (id, at) => {
        const { status, seq } = decodeStampedIrqResponse(packet, at);
        if (status === 1) events.push([lineOf(id), seq]);
        if (!again.addLine(id, 16, lineOf(id))) throw new Error('more buffers than a message takes');
      });
    }
    if (again.count > 0) void link.send(again.take());
  });
  return events;
}

async function condition(what: string, met: () => boolean): Promise<void> {
  for (const deadline = Date.now() + STEP_MS; !met(); ) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${STEP_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe.each(['unix', 'pty', 'tcp', 'seqpacket'])('a coprocessor served over %s', (kind) => {
  const where = () => (kind === 'tcp' ? 'tcp:127.0.0.1:0' : `${kind}:${join(directory, 'hub')}`);
  const urlOf = (name: string) => name.replace(/^pty:/, 'serial:');

  it('is brought up, and runs on over connections', async () => {
    const coprocessor = start({ lines: 4, names: ['DOOR'] });
    const url = urlOf((await coprocessor.listen(where())).name);
    const first = new RawDriver(await connect(url));
    const { bootId } = await first.hello();
    await first.bringUp(ALL);
    first.request(MSG.SET_IRQ_TYPE, 0, IRQ_TYPE.EDGE_BOTH);
    await first.settle();
    await open.pop()!.close();
    coprocessor.drive('DOOR', 1);
    expect(coprocessor.stats().total).toMatchObject({ sensed: 1, kept: 1 });
    const second = new RawDriver(await connect(url));
    expect((await second.hello(bootId)).resumed).toBe(1);
    second.eventBuffer(0, 16);
    await second.settle();
    expect(second.used.map(({ bytes }) => decodeStampedIrqResponse(bytes))).toMatchObject([
      { status: 1, level: 1, seq: 1 },
    ]);
  });

  it('is found restarted after a reboot', async () => {
    const coprocessor = start({ lines: 4 });
    const url = urlOf((await coprocessor.listen(where())).name);
    const link = await connect(url);
    let driver = new RawDriver(link);
    const before = await driver.hello();
    await driver.bringUp(ALL);
    coprocessor.reboot();
    if (kind === 'seqpacket') {
      // The channel goes with the remote processor, and is opened again.
      await condition('the link ended', () => link.state.kind === 'down');
      driver = new RawDriver(await connect(url));
    } else {
      await until(link, 2);
    }
    const after = await driver.hello(before.bootId);
    expect(after.bootId).toBe(coprocessor.bootId);
    expect(after.bootId).not.toBe(before.bootId);
    expect(after.resumed).toBe(0);
    if (kind !== 'seqpacket') expect(driver.received).toContainEqual({ type: 'boot', bootId: after.bootId });
    expect(coprocessor.stats().boots).toBe(2);
  });
});

describe('a coprocessor on a bad line', () => {
  it('delivers every edge once and in order while the session holds', async () => {
    const coprocessor = start({
      lines: 4,
      seed: 7,
      faults: [
        { kind: 'corrupt', probability: 0.001 },
        { kind: 'drop', probability: 0.0005 },
      ],
    });
    const link = await connect((await coprocessor.listen(`unix:${join(directory, 'hub')}`)).name);
    const driver = new RawDriver(link);
    await driver.hello(0, 512);
    await driver.bringUp(ALL);
    const events = takeEvents(link, (id) => id % 4);
    for (let line = 0; line < 4; line++) driver.request(MSG.SET_IRQ_TYPE, line, IRQ_TYPE.EDGE_BOTH);
    const buffers = new VqAvailBuilder(1, 1, 512);
    for (let id = 0; id < 48; id++) buffers.addLine(id, 16, id % 4);
    driver.send(buffers.take());
    await driver.settle();
    coprocessor.addStimulus({ kind: 'random', controller: 1, first: 0, last: 3, edgesPerSecond: 4000 });
    await condition('4000 edges', () => coprocessor.stats().total.sensed >= 4000);
    coprocessor.stopStimuli();
    const { total } = coprocessor.stats();
    await condition('all delivered', () => events.length >= total.sensed);
    const { wire, lines } = coprocessor.stats();
    expect(wire.bytes_corrupted).toBeGreaterThan(0);
    expect(wire.bytes_dropped).toBeGreaterThan(0);
    expect(total.overflowed).toBe(0);
    for (const { line, sensed } of lines) {
      const numbers = events.filter(([of]) => of === line).map(([, seq]) => seq);
      expect(numbers).toEqual(Array.from({ length: sensed }, (_, i) => i + 1));
    }
  });
});

describe('a second connection', () => {
  it('takes the place of the first', async () => {
    const coprocessor = start({ lines: 4 });
    const { name } = await coprocessor.listen(`unix:${join(directory, 'hub')}`);
    const first = await connect(name);
    const second = await connect(name);
    await condition('the first ended', () => first.state.kind === 'down');
    const driver = new RawDriver(second);
    await driver.hello();
    await driver.bringUp(ALL);
    expect(coprocessor.driverOk).toBe(true);
  });
});
