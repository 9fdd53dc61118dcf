import { BUS_REVISION, encodeBus, MIN_MAX_MSG_SIZE } from '../../wire/virtio-msg/bus.js';

/**
 * A HELLO for a link that looks for a PLAIN device (docs/protocol.md, "PLAIN"): the one message
 * that such a device answers on a new channel. It names the boot that is known, so that looking
 * for the device does not reset it. `random` as Math.random.
 */
export function plainProbe(knownBootId: number, random: () => number): Uint8Array {
  return encodeBus({
    type: 'hello-request',
    token: 1 + Math.floor(random() * 0xffff),
    revision: BUS_REVISION,
    maxMsgSize: MIN_MAX_MSG_SIZE,
    busFeatures: 0,
    knownBootId,
  });
}
