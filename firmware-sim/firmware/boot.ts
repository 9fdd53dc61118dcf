import { newRpmsgGpioCounters } from '../../src/device/messages/rpmsg-gpio-device.js';
import { newSrtmCounters } from '../../src/device/messages/srtm-device.js';
import { newBusCounters } from '../../src/device/virtio-msg/counters.js';
import type { SimulatedDialect } from '../dialect.js';
import type { Board, BootParts, Firmware } from './firmware.js';
import { MessageFirmware } from './message-firmware.js';
import { VirtioMsgFirmware } from './virtio-msg-firmware.js';

/** Starts the firmware of the board's dialect. Throws INVALID_ARGUMENT for options that it cannot have. */
export function boot(board: Board, parts: BootParts): Firmware {
  const { dialect } = board.options;
  switch (dialect) {
    case 'virtio-msg':
      return new VirtioMsgFirmware(board, parts);
    case 'rpmsg-gpio':
    case 'rpmsg-gpio-v14':
      return MessageFirmware.rpmsgGpio(board, parts, dialect);
    case 'srtm':
      return MessageFirmware.srtm(board, parts);
  }
}

/** What firmware of this dialect counts, all 0. */
export function newFirmwareCounters(dialect: SimulatedDialect): Record<string, number> {
  switch (dialect) {
    case 'virtio-msg':
      return newBusCounters();
    case 'rpmsg-gpio':
    case 'rpmsg-gpio-v14':
      return newRpmsgGpioCounters();
    case 'srtm':
      return newSrtmCounters();
  }
}
