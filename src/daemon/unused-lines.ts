import type { Dialect } from '../driver/dialect.js';
import type { PortLayout } from '../driver/message-gpio/layout.js';

/**
 * What is said of configured lines that firmware describes by itself; undefined: there are none. A dialect that is
 * configured has its keys checked when the file is read; one that was found has not.
 */
export function unusedLines(dialect: Dialect | 'auto', ports: readonly PortLayout[]): string | undefined {
  if (dialect !== 'virtio-msg' || ports.length === 0) return undefined;
  const keys = [
    ...(ports.length > 1 ? ['ports'] : []),
    'ngpio',
    ...(ports.some(({ names }) => names.length > 0) ? ['names'] : []),
    ...(ports.some(({ wakeup }) => wakeup.size > 0) ? ['wakeup'] : []),
  ];
  return `its firmware speaks ${dialect}, and describes its lines by itself; not used from its [[coprocessor]]: ${keys.join(', ')}`;
}
