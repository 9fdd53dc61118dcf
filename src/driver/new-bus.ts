import { AutoBus } from './auto/auto-bus.js';
import type { Dialect } from './dialect.js';
import type { PortLayout } from './message-gpio/layout.js';
import { MessageBus } from './message-gpio/message-bus.js';
import type { RemoteBus, RemoteBusOptions } from './remote-bus.js';
import { VirtioMsgBus } from './virtio-msg/virtio-msg-bus.js';

/**
 * The driver for a dialect, or the one that finds it out. `ports`: the lines of firmware that does
 * not describe them; at least one in a dialect of messages.
 */
export function newBus(
  dialect: Dialect | 'auto',
  ports: readonly PortLayout[],
  options: RemoteBusOptions,
): RemoteBus {
  if (dialect === 'auto') return new AutoBus({ ...options, ports });
  if (dialect === 'virtio-msg') return new VirtioMsgBus(options);
  return new MessageBus({ ...options, dialect, ports });
}
