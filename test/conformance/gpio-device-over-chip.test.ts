import { DIRECTION, REQUESTQ } from '../../src/wire/virtio-gpio.js';
import { ModelOverChip } from '../support/model-over-chip.js';
import { type DeviceSetup, type DeviceUnderTest, hasFeature } from './device-under-test.js';
import { gpioDeviceConformance } from './gpio-device-suite.js';

/** The model over the lines of a chip, down to the simulated coprocessor. */
async function overChip(setup: DeviceSetup): Promise<DeviceUnderTest> {
  const { lines, names, eventDepth } = setup;
  const features = {
    irq: hasFeature(setup, 'IRQ'),
    stamp: hasFeature(setup, 'EVENT_STAMP'),
    queue: hasFeature(setup, 'EVENT_QUEUE'),
    namesInConfig: false,
  };
  const model = await ModelOverChip.open({ lines, names, features, eventDepth });
  model.start(setup.features);
  // The test's steps are taken in its order: an edge takes its way before the next buffer is queued.
  const steps: { readonly act: () => void; readonly settles: boolean }[] = [];
  let asked = 0;
  return {
    available: (queue, out, inLength) => {
      const id = model.nextId();
      if (queue === REQUESTQ) asked++;
      steps.push({ act: () => model.available(queue, out, inLength, id), settles: false });
      return id;
    },
    settle: async () => {
      for (let step = steps.shift(); step !== undefined; step = steps.shift()) {
        step.act();
        if (step.settles) await model.settle();
      }
      await model.settle();
      const answered = model.returned.filter(({ queue }) => queue === REQUESTQ).length;
      if (answered !== asked) throw new Error(`${answered} of ${asked} requests were answered`);
    },
    returned: model.returned,
    config: async () => model.device.config,
    applyLevel: (line, level) =>
      steps.push({ act: () => model.rig.coprocessor.drive(line, level), settles: true }),
    pinLevel: (line) => model.rig.coprocessor.pin(line).level,
    isOutput: (line) => model.rig.coprocessor.pin(line).direction === 'output',
    unsetDirection: DIRECTION.IN,
    close: () => model.close(),
  };
}

gpioDeviceConformance('the model over a chip', overChip);
