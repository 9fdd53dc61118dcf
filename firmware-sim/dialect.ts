import { BridgeError } from '../src/base/errors.js';

/** What firmware speaks. */
export const SIMULATED_DIALECTS = ['virtio-msg', 'rpmsg-gpio', 'rpmsg-gpio-v14', 'srtm'] as const;
export type SimulatedDialect = (typeof SIMULATED_DIALECTS)[number];

/** Optional parts of a dialect that firmware may have or leave out, all of them together. */
export interface SimulatedFeatures {
  /** Interrupts (VIRTIO_GPIO_F_IRQ in virtio-msg). */
  readonly irq: boolean;
  /** virtio-msg: edges carry a number, the level and the device's time (EVENT_STAMP). Needs irq. */
  readonly stamp?: boolean;
  /** virtio-msg: several event buffers and kept edges for a line (EVENT_QUEUE). Needs stamp. */
  readonly queue?: boolean;
  /**
   * virtio-msg: names in the configuration space (NAMES_IN_CONFIG). By default with any of the
   * other extensions, and where the names fit into no message.
   */
  readonly namesInConfig?: boolean;
  /** All but virtio-msg: a line that is masked remembers one edge. */
  readonly latch?: boolean;
  /** rpmsg-gpio-v14 and srtm: lines can be told to wake the system up. */
  readonly wakeup?: boolean;
  /** srtm: the command that asks for a direction. Older firmware does not know it. */
  readonly directionGet?: boolean;
  /** srtm: messages of 16 bytes, as the vendor kernel's; without it 14, and 12 of notifications, as the SDK's firmware. */
  readonly padding?: boolean;
}

/** What of {@link SimulatedFeatures} each dialect knows, by the names that a command line uses. */
export const DIALECT_FEATURES: Readonly<
  Record<SimulatedDialect, Readonly<Record<string, keyof SimulatedFeatures>>>
> = {
  'virtio-msg': { irq: 'irq', stamp: 'stamp', queue: 'queue' },
  'rpmsg-gpio': { irq: 'irq', latch: 'latch' },
  'rpmsg-gpio-v14': { irq: 'irq', latch: 'latch', wakeup: 'wakeup' },
  srtm: { irq: 'irq', latch: 'latch', wakeup: 'wakeup', 'direction-get': 'directionGet', padding: 'padding' },
};

/** Everything that the dialect knows. */
export const ALL_FEATURES: SimulatedFeatures = { irq: true };

/** The features in a list such as `irq,stamp`; `all` or `none`. Throws INVALID_ARGUMENT. */
export function parseFeatures(text: string, dialect: SimulatedDialect): SimulatedFeatures {
  const known = DIALECT_FEATURES[dialect];
  const names = Object.keys(known);
  const named = text === 'all' ? names : text === 'none' ? [] : text.split(',');
  for (const name of named) {
    if (name in known) continue;
    throw new BridgeError(
      'INVALID_ARGUMENT',
      `no feature '${name}' of ${dialect}: there are ${names.join(', ')}, or all, or none`,
    );
  }
  const features = Object.fromEntries(names.map((name) => [known[name]!, named.includes(name)]));
  return { irq: false, ...features };
}

/** The dialect of this name. Throws INVALID_ARGUMENT. */
export function parseDialect(text: string): SimulatedDialect {
  const dialect = SIMULATED_DIALECTS.find((candidate) => candidate === text);
  if (dialect !== undefined) return dialect;
  throw new BridgeError(
    'INVALID_ARGUMENT',
    `'${text}' is no dialect: there are ${SIMULATED_DIALECTS.join(', ')}`,
  );
}
