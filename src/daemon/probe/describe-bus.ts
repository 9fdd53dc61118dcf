import type { Time } from '../../base/clock.js';
import type { Timeouts } from '../../base/timeouts.js';
import { offeredFeatures } from '../../driver/virtio-msg/bring-up.js';
import type { BusSession } from '../../driver/virtio-msg/bus-session.js';
import { readConfig } from '../../driver/virtio-msg/config-space.js';
import { listDevices } from '../../driver/virtio-msg/enumerate.js';
import type { Negotiated } from '../../driver/virtio-msg/features.js';
import {
  CONFIG_LENGTH,
  decodeGpioConfig,
  decodeNames,
  NAMES_OFFSET,
  VIRTIO_ID_GPIO,
} from '../../wire/virtio-gpio.js';
import { BUS_FEATURE, type HelloResponse } from '../../wire/virtio-msg/bus.js';
import { askNames } from './ask-names.js';
import type { DeviceFound, FirmwareFound, HelloEffect } from './report.js';
import type { Hello } from './say-hello.js';

/** Devices that are described; a bus with more is not for a person to read. */
const MOST_DEVICES = 64;
/** Names are read no further than this. */
const MOST_NAMES = 256 * 1024;
/** Exchanges of which the shortest counts. */
const EXCHANGES = 5;

/**
 * Describes a coprocessor that has answered HELLO. It reads, and changes nothing where lines are in
 * use. Rejects with TIMEOUT or LINK_DOWN when it stops to answer.
 */
export async function describeBus(
  { session, onUsed }: Hello,
  hello: HelloResponse,
  knownBootId: number,
  { time, timeouts }: { readonly time: Time; readonly timeouts: Timeouts },
): Promise<FirmwareFound> {
  const exchange = await measure(session, time);
  const devices: DeviceFound[] = [];
  for (const number of await listDevices(session, MOST_DEVICES)) {
    devices.push(await describeDevice(session, number));
  }
  const effect = effectOf(hello, knownBootId, devices);
  if (effect !== 'undisturbed') {
    for (const [index, device] of devices.entries()) {
      if (device.lines === null || device.namedLines !== null) continue;
      const namedLines = await askNames({ session, onUsed, time, timeouts }, device.number);
      devices[index] = { ...device, namedLines };
    }
  }
  return {
    ident: hello.ident,
    bootId: hello.bootId,
    busFeatures: Object.entries(BUS_FEATURE)
      .filter(([, bit]) => (hello.busFeatures & bit) !== 0)
      .map(([name]) => name.toLowerCase()),
    maxMsgSize: session.maxMsgSize,
    effect,
    ...exchange,
    devices,
  };
}

/** Firmware that could have resumed and did not had nothing to resume, unless other devices kept it from it. */
function effectOf(hello: HelloResponse, knownBootId: number, devices: readonly DeviceFound[]): HelloEffect {
  if (hello.resumed === 1) return 'undisturbed';
  const canResume =
    (hello.busFeatures & BUS_FEATURE.RESUME) !== 0 &&
    devices.every(({ deviceId }) => deviceId === VIRTIO_ID_GPIO);
  return canResume && hello.bootId === knownBootId ? 'not-in-use' : 'reset';
}

async function measure(
  session: BusSession,
  time: Time,
): Promise<Pick<FirmwareFound, 'roundTripNs' | 'clockNs' | 'clockErrorNs'>> {
  let shortest = Number.POSITIVE_INFINITY;
  let clockNs: bigint | null = null;
  for (let i = 0; i < EXCHANGES; i++) {
    const t1 = time.monotonicNs();
    let deviceNs = 0n;
    if (session.hasTime) {
      const { t2, t3 } = await session.calls.call({ type: 'time-request', t1 }, 'time-response');
      deviceNs = t3 - t2;
      clockNs = t3;
    } else {
      await session.calls.call({ type: 'ping-request', data: i }, 'ping-response');
    }
    shortest = Math.min(shortest, Number(time.monotonicNs() - t1 - deviceNs));
  }
  return { roundTripNs: shortest, clockNs, clockErrorNs: clockNs === null ? null : Math.ceil(shortest / 2) };
}

async function describeDevice(session: BusSession, number: number): Promise<DeviceFound> {
  const { info } = await session.calls.call(
    { type: 'device-info-request', devNum: number },
    'device-info-response',
  );
  const bare = { number, deviceId: info.deviceId, lines: null, namedLines: null, features: [] };
  if (info.deviceId !== VIRTIO_ID_GPIO) return bare;
  const offered = await offeredFeatures(session, number, info.featureBits);
  const { bytes } = await readConfig(session, number, 0, Math.min(info.configSize, CONFIG_LENGTH));
  const config = decodeGpioConfig(bytes);
  if (config === undefined) return { ...bare, features: featureWords(offered) };
  return {
    ...bare,
    lines: config.ngpio,
    namedLines: await countNames(session, number, offered, config.ngpio, config.gpioNamesSize),
    features: featureWords(offered),
  };
}

function featureWords({ irq, stamp, queue, namesInConfig }: Negotiated): string[] {
  const words = { irq, 'event-stamp': stamp, 'event-queue': queue, 'names-in-config': namesInConfig };
  return Object.entries(words)
    .filter(([, has]) => has)
    .map(([word]) => word);
}

/** Null where the names are not in the configuration: the request for them needs a device that is brought up. */
async function countNames(
  session: BusSession,
  devNum: number,
  { namesInConfig }: Negotiated,
  lines: number,
  namesSize: number,
): Promise<number | null> {
  if (namesSize === 0) return 0;
  if (!namesInConfig) return null;
  const length = Math.min(namesSize, MOST_NAMES);
  const { bytes } = await readConfig(session, devNum, NAMES_OFFSET, length);
  if (bytes.length < length) return null;
  return decodeNames(bytes, lines).names.filter((name) => name !== undefined).length;
}
