import { describe, expect, it } from 'vitest';
import { EVENTQ, STATUS } from '../../src/wire/virtio-gpio.js';
import { useRigs } from './driver-rig.js';

const rig = useRigs();

describe('bringing a coprocessor up', () => {
  it('describes its controller', async () => {
    const hub = rig({ coprocessor: { lines: 4, names: ['DOOR', '', 'LAMP'], eventDepth: 16 } });
    const remote = await hub.up();
    expect(remote.state).toEqual({ kind: 'up', generation: 1 });
    expect(remote.name).toBe('hub');
    expect(remote.description).toMatchObject({
      dialect: 'virtio-msg',
      lineCount: 4,
      names: ['DOOR', undefined, 'LAMP', undefined],
      warnings: [],
      hasInterrupts: true,
      countsLoss: true,
      stampsEdges: true,
      eventDepth: 16,
    });
    expect(hub.bus.status).toMatchObject({ state: { kind: 'up' }, busFeatures: ['time', 'log', 'resume'] });
    expect(hub.bus.status.firmware).not.toBe('');
    expect(hub.bus.status.clock?.samples).toBeGreaterThan(0);
    expect(hub.coprocessor.driverOk).toBe(true);
  });

  it('takes one without any extension as the specification says', async () => {
    const hub = rig({
      coprocessor: {
        lines: 3,
        names: ['A', 'B', 'C'],
        features: { irq: true, stamp: false, queue: false },
        busFeatures: { time: false, resume: false, log: false },
      },
    });
    const remote = await hub.up();
    expect(remote.description).toMatchObject({
      names: ['A', 'B', 'C'],
      countsLoss: false,
      stampsEdges: false,
      eventDepth: 1,
    });
    expect(remote.deviceClock).toBeUndefined();
  });

  it('takes one without interrupts', async () => {
    const hub = rig({ coprocessor: { features: { irq: false, stamp: false, queue: false } } });
    const remote = await hub.up();
    expect(remote.description!.hasInterrupts).toBe(false);
    await expect(remote.enableInterrupt(0, 'both')).rejects.toMatchObject({ name: 'NOT_SUPPORTED' });
  });

  it('reads long names in small pieces', async () => {
    const names = Array.from({ length: 40 }, (_, i) => `SENSOR_WITH_A_LONG_NAME_${i}`);
    const hub = rig({ coprocessor: { lines: 40, names, maxMsgSize: 64 } });
    const remote = await hub.up();
    expect(remote.description!.names).toEqual(names);
    expect(hub.bus.status.maxMsgSize).toBe(64);
    const sizes = hub.link.sizesSent;
    expect(Math.max(...sizes)).toBeLessThanOrEqual(64);
  });

  it('brings 64 controllers with 4,096 lines up, with few messages for each, and all requests bounded', async () => {
    const hub = rig({ coprocessor: { controllers: 64, lines: 64 } });
    await hub.up();
    // Measured: 17 for each. That it takes less than two seconds in all is for the slow tier.
    expect(hub.link.sent.length).toBeLessThan(20 * 64);
    expect(hub.bus.controllers.size).toBe(64);
    expect([...hub.bus.controllers.values()].every((remote) => remote.state.kind === 'up')).toBe(true);
    expect(hub.bus.controllers.get(7)!.name).toBe('hub.7');
    expect(hub.link.mostInFlight).toBeLessThanOrEqual(65);
  });

  it('says HELLO again, with another token, until it is answered', async () => {
    const hub = rig();
    let lost = 0;
    hub.connect((link) => {
      link.losesSent = (message) => message.type === 'hello-request' && lost++ < 3;
    });
    await hub.advance(5_000, 50);
    const hellos = hub.link.sent.filter((message) => message.type === 'hello-request');
    expect(hellos).toHaveLength(4);
    expect(new Set(hellos.map(({ token }) => token)).size).toBe(4);
    expect(hellos.every(({ token }) => token !== 0)).toBe(true);
    expect(hub.bus.status.state.kind).toBe('up');
  });

  it('drops the answer to an earlier HELLO, and everything before the answer but BUS_BOOT', async () => {
    const hub = rig();
    const kept: Uint8Array[] = [];
    hub.connect((link) => {
      link.losesReceived = (message, packet) => {
        if (message.type !== 'hello-response' || kept.length > 0) return false;
        kept.push(packet);
        return true;
      };
    });
    await hub.advance(300);
    hub.link.inject(kept[0]!.slice());
    await hub.settle();
    expect(hub.bus.status.state.kind).toBe('up');
    await hub.close();

    const late = rig();
    let answers = 0;
    const first: Uint8Array[] = [];
    late.connect((link) => {
      link.losesReceived = (message, packet) => {
        if (message.type !== 'hello-response' || ++answers > 3) return false;
        first.push(packet);
        return true;
      };
    });
    await late.advance(600);
    late.link.inject(first[0]!.slice());
    await late.settle();
    expect(late.bus.status.counters).toMatchObject({ stale_hello_answers: 1 });
    expect(late.bus.status.state.kind).toBe('greeting');
  });

  it('tries a device again that does not answer, without holding up the others for good', async () => {
    const hub = rig({ coprocessor: { controllers: 2 } });
    let silent = true;
    hub.connect((link) => {
      link.losesSent = (message) =>
        silent && message.type === 'config-request' && 'devNum' in message && message.devNum === 2;
    });
    await hub.advance(1_100, 20);
    expect([...hub.bus.controllers.keys()]).toEqual([1]);
    expect(hub.bus.status.state.kind).toBe('starting');
    silent = false;
    await hub.advance(1_500, 20);
    expect([...hub.bus.controllers.keys()]).toEqual([1, 2]);
    expect(hub.bus.status.state.kind).toBe('up');
  });

  it('sets the queues to what the device has and it needs', async () => {
    const hub = rig({ coprocessor: { lines: 8, requestQueueSize: 4, eventQueueSize: 24, eventDepth: 1 } });
    await hub.up();
    const sizes = hub.link.sent.filter((message) => message.type === 'set-vqueue-request');
    expect(sizes.map(({ index, size }) => [index, size])).toEqual([
      [0, 4],
      [EVENTQ, 16],
    ]);
  });

  it('takes a running coprocessor over after a restart of the driver alone, and drops no output', async () => {
    const hub = rig({ coprocessor: { lines: 4 } });
    const remote = await hub.up();
    await remote.setValue(2, 1);
    await remote.setDirection(2, 'output');
    let known = 0;
    hub.bus.bootId$.subscribe((bootId) => {
      known = bootId;
    });
    expect(known).toBe(hub.coprocessor.bootId);
    const changes: unknown[] = [];
    hub.coprocessor.outputs$.subscribe((change) => changes.push(change));
    hub.restartDriver(known);
    const again = await hub.up();
    expect(changes).toEqual([]);
    expect(hub.coprocessor.pin(2)).toMatchObject({ direction: 'output', level: 1 });
    expect(await again.getDirection(2)).toBe('output');
    expect(await again.getValue(2)).toBe(1);
    expect(again.description!.lineCount).toBe(4);
    expect(again.description!.outputs).toEqual([2]);
    const statuses = hub.link.sent.filter((message) => message.type === 'set-status-request');
    expect(statuses).toEqual([]);
  });

  it('forgets boot_id while not every device is up, and never learns one from BUS_BOOT', async () => {
    const hub = rig();
    const known: number[] = [];
    hub.bus.bootId$.subscribe((bootId) => known.push(bootId));
    await hub.up();
    const first = hub.coprocessor.bootId;
    hub.link.losesSent = (message) => message.type === 'hello-request';
    hub.coprocessor.reboot();
    await hub.advance(100);
    expect(known).toEqual([0, first, 0]);
    hub.link.losesSent = () => false;
    await hub.advance(3_000, 20);
    expect(known).toEqual([0, first, 0, hub.coprocessor.bootId]);
    const hellos = hub.link.sent.filter((message) => message.type === 'hello-request');
    expect(hellos.every(({ knownBootId }) => knownBootId === 0 || knownBootId === first)).toBe(true);
  });

  it('resets a device that asks for it, and reports a gap', async () => {
    const hub = rig();
    const remote = await hub.up();
    const items = hub.items();
    await remote.enableInterrupt(3, 'both');
    hub.coprocessor.failController();
    await hub.advance(50);
    expect(remote.state).toEqual({ kind: 'up', generation: 1 });
    expect(items.map(({ kind }) => kind)).toEqual(['enabled', 'break', 'enabled', 'level']);
    const statuses = hub.link.sent.filter((message) => message.type === 'set-status-request');
    expect(statuses.at(-1)!.status & STATUS.DRIVER_OK).toBe(STATUS.DRIVER_OK);
  });

  it('answers PING, sends one when idle, and says HELLO again to a silent coprocessor', async () => {
    const hub = rig({ limits: { clock_sample: 10_000 } });
    const remote = await hub.up();
    await hub.advance(30_000, 50);
    expect(hub.bus.status.counters.pings_sent).toBeGreaterThan(3);
    const states: string[] = [];
    remote.state$.subscribe((state) => states.push(state.kind));
    hub.link.losesReceived = () => true;
    await hub.advance(10_000, 50);
    expect(states).toContain('down');
    hub.link.losesReceived = () => false;
    await hub.advance(3_000, 50);
    expect(remote.state.kind).toBe('up');
    expect(hub.bus.status.counters.sessions_resumed).toBe(1);
  });
});
