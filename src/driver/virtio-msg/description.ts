import { decodeNames, NAMES_OFFSET } from '../../wire/virtio-gpio.js';
import type { RemoteDescription } from '../remote-gpio.js';
import type { DeviceSetup } from './bring-up.js';
import type { BusSession } from './bus-session.js';
import { readConfig } from './config-space.js';
import type { RequestQueue } from './request-queue.js';

/** A names block larger than this, or than {@link MAX_NAME} bytes a line, is read no further. */
const MAX_NAMES = 1024 * 1024;
const MAX_NAME = 256;

/** Reads the names and puts the description together. */
export async function describeController(
  session: BusSession,
  setup: DeviceSetup,
  requests: RequestQueue,
  firmware: string,
): Promise<RemoteDescription> {
  const { features, lineCount, warnings } = setup;
  const block = await readNames(session, setup, requests);
  const read = typeof block === 'string' ? { names: [], warnings: [block] } : decodeNames(block, lineCount);
  return {
    dialect: 'virtio-msg',
    firmware,
    lineCount,
    names: Array.from({ length: lineCount }, (_, line) => read.names[line]),
    warnings: [...warnings, ...read.warnings],
    hasInterrupts: features.irq,
    countsLoss: features.stamp,
    stampsEdges: features.stamp,
    eventDepth: setup.eventDepth,
  };
}

/** Whether two descriptions are of the same controller, so that its lines are what they were. */
export function sameDescription(a: RemoteDescription, b: RemoteDescription): boolean {
  return (
    a.lineCount === b.lineCount &&
    a.hasInterrupts === b.hasInterrupts &&
    a.countsLoss === b.countsLoss &&
    a.eventDepth === b.eventDepth &&
    a.names.every((name, line) => name === b.names[line])
  );
}

/** The names block, or in words why there is none. */
async function readNames(
  session: BusSession,
  setup: DeviceSetup,
  requests: RequestQueue,
): Promise<Uint8Array | string> {
  const { devNum, namesSize, configSize, lineCount } = setup;
  if (namesSize === 0) return new Uint8Array(0);
  if (setup.features.namesInConfig) {
    const length = Math.min(namesSize, configSize - NAMES_OFFSET, MAX_NAMES, lineCount * MAX_NAME);
    if (length <= 0) return 'the names are not in the configuration: all lines are unnamed';
    const enough = namesCounter(lineCount);
    return (await readConfig(session, devNum, NAMES_OFFSET, length, enough)).bytes;
  }
  const block = await requests.askNames(namesSize);
  return block ?? `the names (${namesSize} bytes) do not fit a message: all lines are unnamed`;
}

/** Tells when a growing block holds `lineCount` terminators. */
function namesCounter(lineCount: number): (bytes: Uint8Array) => boolean {
  let counted = 0;
  let found = 0;
  return (bytes) => {
    // A read that started over begins with nothing again.
    if (bytes.length < counted) {
      counted = 0;
      found = 0;
    }
    for (; counted < bytes.length; counted++) if (bytes[counted] === 0) found++;
    return found >= lineCount;
  };
}
