import { expect, it } from 'vitest';
import { seqpacketLinkPair } from '../src/link/messages/seqpacket.js';
import { systemTime } from '../src/linux/clock.js';
import { encodeBus } from '../src/wire/virtio-msg/bus.js';
import { SimulatedCoprocessor } from './coprocessor.js';

it('runs on when a driver says several things and hangs up before any is answered', async () => {
  const coprocessor = new SimulatedCoprocessor();
  const [driver, device] = seqpacketLinkPair(systemTime);
  const gone = new Promise<void>((resolve) => {
    device.state$.subscribe({ complete: resolve });
  });
  coprocessor.attach(device);
  const hello = {
    type: 'hello-request',
    revision: 1,
    maxMsgSize: 496,
    busFeatures: 0,
    knownBootId: 0,
  } as const;
  for (let token = 1; token <= 3; token++) void driver.send(encodeBus({ ...hello, token }));
  await driver.close();
  await gone;
  expect(coprocessor.stats().bus.hellos).toBe(1);
  await coprocessor.close();
});
