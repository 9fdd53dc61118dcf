import { SimulatedCoprocessor } from '../../firmware-sim/coprocessor.js';
import { GpioDevice } from '../../src/device/gpio-device.js';
import type { LevelBit, LineBackend } from '../../src/device/line-backend.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { DIRECTION } from '../../src/wire/virtio-gpio.js';
import {
  type DeviceSetup,
  type DeviceUnderTest,
  hasFeature,
  type ReturnedBuffer,
} from './device-under-test.js';
import { gpioDeviceConformance } from './gpio-device-suite.js';
import { HandTime } from './hand-time.js';
import { RawDriver } from './raw-driver.js';

const VERSION_1 = 1n << 32n;

function featureMask(setup: DeviceSetup): bigint {
  return setup.features.reduce((mask, feature) => mask | (1n << BigInt(feature)), VERSION_1);
}

function offers(setup: DeviceSetup) {
  return {
    irq: hasFeature(setup, 'IRQ'),
    stamp: hasFeature(setup, 'EVENT_STAMP'),
    queue: hasFeature(setup, 'EVENT_QUEUE'),
    namesInConfig: hasFeature(setup, 'NAMES_IN_CONFIG'),
  };
}

/** The simulated coprocessor on the in-band bus. */
async function simulated(setup: DeviceSetup): Promise<DeviceUnderTest> {
  const time = new HandTime();
  const { lines, names, eventDepth } = setup;
  const coprocessor = new SimulatedCoprocessor({ lines, names, eventDepth, features: offers(setup) }, time);
  const [ours, theirs] = memoryLinkPair({ clock: time });
  const driver = new RawDriver(ours);
  coprocessor.attach(theirs);
  await driver.hello();
  await driver.bringUp(featureMask(setup));
  return {
    available: (queue, out, inLength) => driver.available(queue, out, inLength),
    settle: () => driver.settle(),
    returned: driver.used,
    config: async () => {
      const { config } = await driver.transport(
        { type: 'config-request', devNum: 1, offset: 0, length: 1000 },
        'config-response',
      );
      return config.bytes;
    },
    applyLevel: (line, level) => coprocessor.drive(line, level),
    pinLevel: (line) => coprocessor.pin(line).level,
    isOutput: (line) => coprocessor.pin(line).direction === 'output',
    close: () => coprocessor.close(),
  };
}

/** The model alone, over lines that take their time: every answer of the backend is a promise. */
async function slowLines(setup: DeviceSetup): Promise<DeviceUnderTest> {
  const applied = new Uint8Array(setup.lines);
  const outputs = new Map<number, LevelBit>();
  const soon = () => new Promise<void>((resolve) => setImmediate(resolve));
  const backend: LineBackend = {
    setDirection: async (line, direction, value) => {
      await soon();
      outputs.delete(line);
      if (direction === DIRECTION.OUT) outputs.set(line, value);
    },
    setValue: async (line, value) => {
      await soon();
      outputs.set(line, value);
    },
    getValue: async (line) => {
      await soon();
      return applied[line] as LevelBit;
    },
    setInterrupt: async () => soon(),
    reset: () => outputs.clear(),
  };
  let clock = 0;
  const { lines, names, eventDepth } = setup;
  const device = new GpioDevice({
    lineCount: lines,
    names,
    eventDepth,
    features: offers(setup),
    backend,
    now: () => ++clock,
  });
  const returned: ReturnedBuffer[] = [];
  device.start(featureMask(setup), {
    maxReturn: 1000,
    canReturnEvent: () => true,
    returnBuffer: (queue, id, bytes) => returned.push({ queue, id, bytes: bytes.slice() }),
  });
  let id = 0;
  let outstanding = 0;
  return {
    available: (queue, out, inLength) => {
      device.bufferAvailable(queue, ++id, inLength, out, 0, out.length);
      if (queue === 0) outstanding++;
      return id;
    },
    settle: async () => {
      const answered = () => returned.filter(({ queue }) => queue === 0).length;
      for (let turns = 0; turns < 1000 && answered() < outstanding; turns++) await soon();
    },
    returned,
    config: async () => device.config,
    applyLevel: (line, level) => {
      if (applied[line] === level) return;
      applied[line] = level;
      device.edge(line, level, ++clock);
    },
    pinLevel: (line) => outputs.get(line) ?? (applied[line] as LevelBit),
    isOutput: (line) => outputs.has(line),
    close: async () => device.reset(),
  };
}

gpioDeviceConformance('the simulated coprocessor', simulated);
gpioDeviceConformance('the model over slow lines', slowLines);
