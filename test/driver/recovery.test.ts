import { describe, expect, it } from 'vitest';
import type { OutputChange } from '../../firmware-sim/index.js';
import type { InterruptItem } from '../../src/driver/remote-gpio.js';
import { type DriverRig, useRigs } from './driver-rig.js';

const rig = useRigs();
const BARE = { irq: true, stamp: false, queue: false };

const kinds = (items: readonly InterruptItem[]): string[] => items.map(({ kind }) => kind);

function outputs(hub: DriverRig): OutputChange[] {
  const changes: OutputChange[] = [];
  hub.coprocessor.outputs$.subscribe((change) => changes.push(change));
  return changes;
}

/** Sequence numbers delivered and accounted, checked as the promise demands. */
function checkAccounting(hub: DriverRig, items: readonly InterruptItem[], line: number): void {
  let last = 0;
  let delivered = 0;
  for (const item of items) {
    if (item.kind === 'enabled' && item.line === line) last = 0;
    if ((item.kind !== 'edge' && item.kind !== 'account') || item.line !== line) continue;
    if (item.kind === 'edge') {
      expect(item.seq!).toBeGreaterThan(last);
      expect(item.level).toBe(item.seq! % 2);
      delivered++;
    }
    last = item.seq!;
  }
  const { sensed } = hub.coprocessor.stats().lines[line]!;
  expect(last).toBe(sensed);
  expect(delivered).toBeLessThanOrEqual(sensed);
}

describe('a channel that broke', () => {
  it('is resumed: interrupts stay on, and every edge is delivered or counted', async () => {
    const hub = rig({ coprocessor: { lines: 4 } });
    const remote = await hub.up();
    const items = hub.items();
    await remote.enableInterrupt(2, 'both');
    for (let i = 0; i < 200; i++) {
      hub.coprocessor.drive(2, i % 2 === 0 ? 1 : 0);
      if (i % 7 === 0) hub.breakChannel();
      hub.time.advance(0.05);
      if (i % 3 === 0) await hub.settle(1);
    }
    await hub.until(() => remote.state.kind === 'up', 'the resume');
    await hub.settle(20);
    checkAccounting(hub, items, 2);
    expect(kinds(items).filter((kind) => kind === 'enabled')).toHaveLength(1);
    expect(kinds(items)).not.toContain('break');
    expect(kinds(items)).toContain('resumed');
    expect(hub.coprocessor.stats().total.overflowed).toBe(0);
  });

  it('is a gap of unknown size where the device does not count', async () => {
    const hub = rig({ coprocessor: { lines: 4, features: BARE } });
    const remote = await hub.up();
    const items = hub.items();
    await remote.enableInterrupt(2, 'rising');
    hub.time.advance(5);
    hub.breakChannel();
    await hub.until(() => remote.state.kind === 'up', 'the resume');
    expect(items.at(-1)).toMatchObject({ kind: 'break', reason: 'link' });
    hub.coprocessor.drive(2, 1);
    await hub.settle();
    expect(items.at(-1)).toMatchObject({ kind: 'edge', line: 2 });
  });

  it('makes no output pulse twice, whatever was in flight', async () => {
    const hub = rig({ coprocessor: { lines: 4 } });
    const remote = await hub.up();
    await remote.setDirection(0, 'output');
    const changes = outputs(hub);
    // The device does all of it; every answer is lost with the channel.
    hub.link.losesReceived = (message) => message.type === 'vq-used' && message.vq === 0;
    const sets = [1, 0, 1, 0].map((value) => remote.setValue(0, value as 0 | 1));
    const read = remote.getValue(0);
    await hub.settle();
    expect(changes.map(({ level }) => level)).toEqual([1, 0, 1, 0]);
    hub.link.losesReceived = () => false;
    hub.breakChannel();
    await Promise.all(sets);
    expect(await read).toBe(0);
    expect(changes.map(({ level }) => level)).toEqual([1, 0, 1, 0]);
    expect(hub.coprocessor.pin(0).level).toBe(0);
  });

  it('sets what did not take effect, once', async () => {
    const hub = rig({ coprocessor: { lines: 4 } });
    const remote = await hub.up();
    await remote.setDirection(0, 'output');
    const changes = outputs(hub);
    hub.link.losesSent = (message) => message.type === 'vq-avail' && message.vq === 0;
    const sets = [
      remote.setValue(0, 0),
      remote.setValue(0, 1),
      remote.setValue(1, 1),
      remote.setDirection(1, 'output'),
    ];
    await hub.settle();
    hub.link.losesSent = () => false;
    hub.breakChannel();
    await Promise.all(sets);
    expect(changes).toEqual([
      { controller: 1, line: 0, direction: 'output', level: 1 },
      { controller: 1, line: 1, direction: 'output', level: 1 },
    ]);
  });

  it('asks interrupt types again, and finishes what was going on', async () => {
    const hub = rig({ coprocessor: { lines: 4 } });
    const remote = await hub.up();
    const items = hub.items();
    hub.link.losesSent = (message) => message.type === 'vq-avail' && message.vq === 0;
    const enabling = remote.enableInterrupt(1, 'both');
    await hub.settle();
    hub.link.losesSent = () => false;
    hub.breakChannel();
    await enabling;
    hub.coprocessor.drive(1, 1);
    await hub.settle();
    expect(items.at(-1)).toMatchObject({ kind: 'edge', seq: 1 });
    hub.link.losesReceived = (message) => message.type === 'vq-used';
    const disabling = remote.disableInterrupt(1);
    hub.coprocessor.drive(1, 0);
    await hub.settle();
    hub.link.losesReceived = () => false;
    hub.breakChannel();
    await disabling;
    expect(items.slice(-2)).toMatchObject([
      { kind: 'account', seq: 2 },
      { kind: 'disabled', counted: true },
    ]);
  });

  it('fails requests by LINK_DOWN when it stays broken', async () => {
    const hub = rig({ limits: { request: 300 } });
    const remote = await hub.up();
    hub.link.losesReceived = () => true;
    const read = remote.getValue(0).catch((error: Error) => error);
    await hub.settle();
    await hub.link.close();
    await hub.advance(400);
    expect(await read).toMatchObject({
      name: 'LINK_DOWN',
      message: 'hub: GET_VALUE of line 0: the channel broke, and whether it took effect is unknown',
    });
  });

  it('takes lines that were released meanwhile off at the next opening of the port', async () => {
    const hub = rig({ coprocessor: { lines: 4 } });
    const remote = await hub.up();
    const items = hub.items();
    await remote.setDirection(0, 'output');
    await remote.enableInterrupt(1, 'both');
    await hub.link.close();
    await remote.releaseLine(0);
    await remote.disableInterrupt(1);
    expect(items.at(-1)).toEqual({ kind: 'disabled', line: 1, counted: false });
    expect(hub.coprocessor.pin(0).direction).toBe('output');
    await hub.up();
    expect(remote.state).toEqual({ kind: 'up', generation: 1 });
    expect(hub.bus.status.counters.sessions_resumed).toBe(1);
    expect(hub.coprocessor.pin(0).direction).toBe('none');
    items.length = 0;
    hub.coprocessor.drive(1, 1);
    await hub.settle();
    expect(items).toEqual([]);
  });

  it('without F_RESUME sets everything again', async () => {
    const hub = rig({ coprocessor: { lines: 4, busFeatures: { resume: false } } });
    const remote = await hub.up();
    const items = hub.items();
    await remote.setValue(0, 1);
    await remote.setDirection(0, 'output');
    await remote.enableInterrupt(1, 'both');
    hub.breakChannel();
    await hub.until(() => remote.state.kind === 'up', 'the bring-up');
    expect(hub.coprocessor.pin(0)).toMatchObject({ direction: 'output', level: 1 });
    expect(kinds(items)).toEqual(['enabled', 'break', 'enabled', 'level']);
  });
});

describe('firmware that restarted', () => {
  it('is described again, its lines are set again, and one gap is reported', async () => {
    const hub = rig({ coprocessor: { lines: 4 } });
    const remote = await hub.up();
    const items = hub.items();
    await remote.setValue(0, 1);
    await remote.setDirection(0, 'output');
    await remote.setDirection(1, 'input');
    await remote.enableInterrupt(1, 'both');
    hub.coprocessor.drive(1, 1);
    await hub.settle();
    hub.time.advance(10);
    const changes = outputs(hub);
    items.length = 0;
    hub.coprocessor.reboot();
    await hub.until(() => items.length > 0 && remote.state.kind === 'up', 'the restart');
    expect(remote.state).toEqual({ kind: 'up', generation: 1 });
    expect(items).toMatchObject([
      { kind: 'break', reason: 'firmware-restart' },
      { kind: 'enabled', line: 1, type: 'both' },
      { kind: 'level', line: 1, level: 1 },
    ]);
    // The value before the direction: the output is never driven with anything else.
    expect(changes.filter(({ direction }) => direction === 'output').every(({ level }) => level === 1)).toBe(
      true,
    );
    expect(hub.coprocessor.pin(0)).toMatchObject({ direction: 'output', level: 1 });
    hub.coprocessor.drive(1, 0);
    await hub.settle();
    expect(items.at(-1)).toMatchObject({ kind: 'edge', seq: 1, level: 0 });
  });

  it('fails what was in flight by name', async () => {
    const hub = rig();
    const remote = await hub.up();
    hub.link.losesReceived = (message) => message.type === 'vq-used';
    const read = remote.getValue(3).catch((error: Error) => error);
    await hub.settle();
    hub.link.losesReceived = () => false;
    hub.coprocessor.reboot();
    expect(await read).toMatchObject({
      name: 'FIRMWARE_RESTARTED',
      message: 'hub: GET_VALUE of line 3: the firmware restarted',
    });
  });

  it('releases the lines where that was asked for', async () => {
    const hub = rig({ coprocessor: { lines: 4 }, driver: { onRestart: 'release' } });
    const remote = await hub.up();
    const items = hub.items();
    await remote.setValue(0, 1);
    await remote.setDirection(0, 'output');
    await remote.enableInterrupt(1, 'both');
    hub.coprocessor.reboot();
    await hub.until(() => kinds(items).includes('break') && remote.state.kind === 'up', 'the restart');
    expect(items.slice(1)).toMatchObject([
      { kind: 'break', reason: 'firmware-restart' },
      { kind: 'disabled', line: 1, counted: false },
    ]);
    expect(hub.coprocessor.pin(0).direction).toBe('none');
  });

  it('in the middle of traffic, again and again, always comes back', async () => {
    const hub = rig({ coprocessor: { lines: 8 } });
    const remote = await hub.up();
    const items = hub.items();
    await Promise.all(Array.from({ length: 8 }, (_, line) => remote.enableInterrupt(line, 'both')));
    for (let round = 0; round < 10; round++) {
      for (let i = 0; i < 40; i++) {
        hub.coprocessor.drive(i % 8, Math.floor(i / 8) % 2 === 0 ? 1 : 0);
        remote.getValue(i % 8).catch(() => {});
        if (i === 20) hub.coprocessor.reboot();
        if (i === 25 && round % 2 === 0) hub.breakChannel();
        hub.time.advance(0.2);
        if (i % 4 === 0) await hub.settle(1);
      }
      await hub.advance(20, 1);
      await hub.until(() => remote.state.kind === 'up', `restart ${round}`);
    }
    const last = new Map<number, number>();
    for (const item of items) {
      if (item.kind === 'enabled') last.set(item.line, 0);
      if (item.kind !== 'edge') continue;
      expect(item.seq!).toBeGreaterThan(last.get(item.line)!);
      last.set(item.line, item.seq!);
    }
    expect(kinds(items).filter((kind) => kind === 'break').length).toBeGreaterThanOrEqual(10);
    expect(await remote.getValue(0)).toBe(hub.coprocessor.pin(0).level);
  });

  it('of other lines is another description, and only lines that match are set again', async () => {
    const hub = rig({ coprocessor: { lines: 4, names: ['A', 'B', 'C', 'D'] } });
    const remote = await hub.up();
    const items = hub.items();
    await remote.setValue(0, 1);
    await remote.setDirection(0, 'output');
    await remote.setValue(1, 1);
    await remote.setDirection(1, 'output');
    await remote.enableInterrupt(2, 'both');
    await hub.link.close();
    const other = rig({ coprocessor: { lines: 4, names: ['A', 'X', 'Y', 'D'] } });
    hub.adoptCoprocessor(other);
    await hub.until(() => remote.state.kind === 'up', 'the other firmware');
    expect(remote.state).toEqual({ kind: 'up', generation: 2 });
    expect(other.coprocessor.pin(0)).toMatchObject({ direction: 'output', level: 1 });
    expect(other.coprocessor.pin(1)).toMatchObject({ direction: 'none' });
    expect(items.slice(1)).toMatchObject([{ kind: 'break' }, { kind: 'disabled', line: 2, counted: false }]);
  });
});

describe('a PLAIN channel', () => {
  it('on which event buffers get lost is recovered by resuming, and every edge is counted', async () => {
    const hub = rig({ coprocessor: { lines: 2, eventDepth: 2 }, delivery: 'plain' });
    const remote = await hub.up();
    const items = hub.items();
    const states: string[] = [];
    remote.state$.subscribe((state) => states.push(state.kind));
    await remote.enableInterrupt(0, 'both');
    hub.link.losesReceived = (message) => message.type === 'vq-used' && message.vq === 1;
    for (let i = 0; i < 5; i++) {
      hub.coprocessor.drive(0, i % 2 === 0 ? 1 : 0);
      await hub.settle();
    }
    hub.link.losesReceived = () => false;
    await hub.advance(2_500, 20);
    checkAccounting(hub, items, 0);
    expect(hub.bus.status.counters.sessions_resumed).toBeGreaterThan(0);
    expect(states).toEqual(['up']);
    hub.coprocessor.drive(0, (1 - hub.coprocessor.pin(0).level) as 0 | 1);
    await hub.settle();
    expect(items.at(-1)).toMatchObject({ kind: 'edge' });
  });

  it('that is silent for a while keeps its lines armed while HELLO is not answered', async () => {
    const hub = rig({ coprocessor: { lines: 2 }, delivery: 'plain' });
    const remote = await hub.up();
    const items = hub.items();
    await remote.enableInterrupt(0, 'both');
    hub.link.losesReceived = () => true;
    await hub.advance(5_000, 20);
    hub.coprocessor.drive(0, 1);
    hub.link.losesReceived = () => false;
    await hub.advance(5_000, 20);
    hub.coprocessor.drive(0, 0);
    await hub.settle();
    checkAccounting(hub, items, 0);
    expect(items.at(-1)).toMatchObject({ kind: 'edge', line: 0, level: 0 });
    expect(kinds(items)).not.toContain('disabled');
  });

  it('on which an answer gets lost has it asked again within the time limit', async () => {
    const hub = rig({ coprocessor: { lines: 2 }, delivery: 'plain' });
    const remote = await hub.up();
    let lost = 0;
    hub.link.losesReceived = (message) => message.type === 'vq-used' && message.vq === 0 && lost++ === 0;
    const read = remote.getValue(0);
    await hub.advance(900, 20);
    expect(await read).toBe(0);
  });

  it('to a device that cannot resume arms silent lines anew, and touches nothing else', async () => {
    const hub = rig({
      coprocessor: { lines: 2, features: BARE, busFeatures: { resume: false } },
      delivery: 'plain',
    });
    const remote = await hub.up();
    const items = hub.items();
    await remote.setDirection(1, 'output');
    await remote.enableInterrupt(0, 'rising');
    const changes = outputs(hub);
    hub.link.losesReceived = (message) => message.type === 'vq-used' && message.vq === 1;
    hub.coprocessor.drive(0, 1);
    await hub.settle();
    hub.link.losesReceived = () => false;
    await hub.advance(3_000, 20);
    hub.coprocessor.drive(0, 0);
    hub.coprocessor.drive(0, 1);
    await hub.settle();
    expect(items.at(-1)).toMatchObject({ kind: 'edge', line: 0 });
    expect(kinds(items)).toContain('uncounted');
    expect(changes).toEqual([]);
  });

  it('to such a device tries again what failed half way, and says what may be missing', async () => {
    const hub = rig({
      coprocessor: { lines: 2, features: BARE, busFeatures: { resume: false } },
      delivery: 'plain',
    });
    const remote = await hub.up();
    const items = hub.items();
    await remote.enableInterrupt(0, 'rising');
    hub.link.losesReceived = () => true;
    await hub.advance(5_000, 20);
    hub.link.losesReceived = () => false;
    await hub.advance(5_000, 20);
    hub.coprocessor.drive(0, 1);
    await hub.settle();
    expect(items.at(-1)).toMatchObject({ kind: 'edge', line: 0 });
    expect(items).toContainEqual({ kind: 'disabled', line: 0, counted: false });
    await remote.disableInterrupt(0);
    items.length = 0;
    hub.coprocessor.drive(0, 0);
    hub.coprocessor.drive(0, 1);
    await hub.advance(5_000, 20);
    expect(kinds(items)).not.toContain('edge');
  });
});
