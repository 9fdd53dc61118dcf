import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GpioDevice } from '../../../src/device/gpio-device.js';
import type { LevelBit, LineBackend } from '../../../src/device/line-backend.js';
import type { VhostUserBackend } from '../../../src/vhost-user/backend.js';
import type { VhostUserDevice } from '../../../src/vhost-user/device.js';
import { serveVhostUser } from '../../../src/vhost-user/serve.js';
import { DIRECTION, FEATURE, IRQ_TYPE } from '../../../src/wire/virtio-gpio.js';
import { eventually, temporaryDirectory } from '../../support/program.js';
import { type KernelLab, kernelLab } from '../lab/kernel-lab.js';

const LINES = 8;
const NAMES = ['DOOR', 'LOCK', '', 'LAMP'];

/** Pins in this process: what is driven is kept, and read back. */
class Pins implements LineBackend {
  readonly driven: LevelBit[] = Array(LINES).fill(0);
  readonly applied: LevelBit[] = Array(LINES).fill(0);

  setDirection(line: number, _direction: number, value: LevelBit): void {
    this.driven[line] = value;
  }
  setValue(line: number, value: LevelBit): void {
    this.driven[line] = value;
  }
  getValue(line: number): LevelBit {
    return this.applied[line]!;
  }
  unsetDirection(): typeof DIRECTION.IN {
    return DIRECTION.IN;
  }
  reset(): void {
    this.driven.fill(0);
  }
}

/** QEMU 7.2 does not pass VIRTIO_GPIO_F_IRQ on, and the guest uses it all the same. */
function overVhostUser(device: GpioDevice): VhostUserDevice {
  return {
    offeredFeatures: device.offeredFeatures,
    maxQueueSizes: device.maxQueueSizes,
    config: device.config,
    acceptsFeatures: (features) => device.acceptsFeatures(features),
    start: (features, queues) => device.start(features | (1n << BigInt(FEATURE.IRQ)), queues),
    reset: () => device.reset(),
    resetQueue: (queue) => device.resetQueue(queue),
    bufferAvailable: (...buffer) => device.bufferAvailable(...buffer),
  };
}

describe('the device model and the stock driver, with nothing but vhost-user between them', () => {
  const directory = temporaryDirectory();
  const pins = new Pins();
  const start = process.hrtime.bigint();
  const now = (): number => Number(process.hrtime.bigint() - start);
  const features = { irq: true, stamp: false, queue: false, namesInConfig: false };
  const device = new GpioDevice({ lineCount: LINES, names: NAMES, features, backend: pins, now });
  const problems: string[] = [];
  let backend: VhostUserBackend;
  let lab: KernelLab;
  beforeAll(async () => {
    const socket = directory.join('gpio');
    backend = await serveVhostUser({ path: socket, device: overVhostUser(device) });
    backend.problems$.subscribe(({ reason }) => problems.push(reason));
    lab = await kernelLab({ devices: [{ kind: 'gpio', socket }], modules: ['gpio-virtio'] });
  });
  afterAll(async () => {
    await backend?.close();
    directory.remove();
  });

  it('binds, with names and directions', async () => {
    const info = await lab.guest.must('gpioinfo');
    expect(info).toMatch(/line +0: +"DOOR" +unused +input/);
    expect(info).toMatch(/line +2: +unnamed +unused +input/);
    expect(info).toMatch(/line +3: +"LAMP"/);
  });

  it('sets and reads', async () => {
    const { guest } = lab;
    const setting = guest.start('exec gpioset --mode=signal gpiochip0 1=1');
    await eventually(() => (pins.driven[1] === 1 ? true : undefined), 'line 1 to be driven');
    await setting.stop('SIGINT');
    pins.applied[3] = 1;
    expect(await guest.must('gpioget gpiochip0 3 0')).toBe('1 0');
  });

  it('delivers each edge that the guest is ready for', async () => {
    const { guest } = lab;
    const monitor = guest.start('exec gpiomon --num-events=20 --line-buffered --format=%e gpiochip0 0');
    await eventually(
      () => (device.interruptTypeOf(0) === IRQ_TYPE.EDGE_BOTH ? true : undefined),
      'edges to be watched',
      30_000,
    );
    for (let i = 0; i < 20; i++) {
      pins.applied[0] = i % 2 === 0 ? 1 : 0;
      device.edge(0, pins.applied[0]!, now());
      await eventually(
        () => (monitor.stdout.split('\n').length > i + 1 ? true : undefined),
        () => `edge ${i + 1}: ${monitor.stdout}`,
      );
    }
    expect((await monitor.exit()).stdout.trim().split('\n')).toEqual(
      Array.from({ length: 20 }, (_, i) => `${1 - (i % 2)}`),
    );
  });

  it('is left running without a problem, and reset with the guest', async () => {
    expect(backend.state.kind).toBe('running');
    await lab.stop();
    await eventually(() => (backend.state.kind === 'waiting' ? true : undefined), 'the guest to be gone');
    expect(problems).toEqual([]);
  });
});
