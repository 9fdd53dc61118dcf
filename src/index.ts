/**
 * The client of the gpiobridge daemon: find it, open a chip, own lines, read their edges.
 *
 *     import { connect } from 'gpiobridge';
 *     const bridge = await connect();
 *     const chip = await bridge.openChip('hub');
 *     const config = { direction: 'input', edges: 'both', activeLow: false, eventClock: 'monotonic' } as const;
 *     const door = await chip.requestLines({ consumer: 'me', offsets: [3], config });
 *     for await (const batch of door.events()) for (const event of batch) console.log(event);
 */
export { connect } from './api/client/connect.js';
export type {
  BridgeClient,
  ChipClient,
  ChipInfo,
  ChipStateEvent,
  ChipStatus,
  ClockStatus,
  ConnectOptions,
  CoprocessorStatus,
  Counters,
  DaemonStatus,
  EndedEvent,
  Lifetime,
  LineChange,
  LineRequestClient,
  ProcessorStatus,
  RequestEvent,
  SyntheticClient,
  SyntheticLineStatus,
  SyntheticStatus,
} from './api/client/types.js';
export { BridgeError, type ErrorName } from './base/errors.js';
export type { Level } from './driver/remote-gpio.js';
export type {
  Edge,
  EdgeEvent,
  EdgeSelection,
  EventClock,
  Gap,
  GapReason,
  LineEvent,
} from './events/edge-event.js';
export type { ChipState, LineConfig, LineInfo, LineInfoChange, LineRequestConfig } from './gpio/chip.js';
export type { SyntheticDescription } from './gpio/synthetic/description.js';
