import type { Dialect } from './dialect.js';
import type { RemoteBus, RemoteBusOptions } from './remote-bus.js';
import { VirtioMsgBus } from './virtio-msg/virtio-msg-bus.js';

/** The driver for a dialect. */
export function newBus(dialect: Dialect | 'auto', options: RemoteBusOptions): RemoteBus {
  switch (dialect) {
    default:
      return new VirtioMsgBus(options);
  }
}
