import type { ProbeReport } from '../../daemon/probe/report.js';

/** What to do about it, one step each; nothing where the finding says it, or all is well. */
export function adviceFor(report: ProbeReport): string[] {
  return [...stepsFor(report), ...grabberSteps(report)];
}

function stepsFor({ verdict, url, baud, dialect, firmware, received }: ProbeReport): string[] {
  const others = `try other rates: gpiobridge probe ${url} --baud ${OTHER_RATES.filter((rate) => rate !== baud).join(' ')}`;
  switch (verdict) {
    case 'answered':
      if (firmware === null) {
        return [
          `it does not describe its lines: write ngpio = N, and names, into its [[coprocessor]], with`,
          `link = "${url}${baud === null ? '' : `?baud=${baud}`}" and dialect = "${dialect}"`,
        ];
      }
      if (firmware.devices.every(({ lines }) => lines === null)) {
        return ['the firmware offers no GPIO device: nothing would be served'];
      }
      return [`serve it: gpiobridge daemon --link 'hub=${url}${baud === null ? '' : `?baud=${baud}`}'`];
    case 'session':
      return ['ask it for more without --no-hello'];
    case 'no-hello':
      return ['see whether the firmware is built with the in-band bus, and whether its bus task runs'];
    case 'other-dialect':
      return [
        'messages on a byte stream need the frames of the serial link (docs/protocol.md): build it with them',
      ];
    case 'console':
      return [
        'end the console on this port (systemctl stop serial-getty@..., console= on the kernel command line),',
        'or move the firmware to another port; --anyway talks to it in spite of the text',
      ];
    case 'wrong-speed':
      if (baud === null) return ['see whether another program serves this address'];
      if (isHeldLow(received.head)) return ['see whether the board has power, and RX is on its TX', others];
      return [others];
    case 'echo':
      return ['take off the loopback, or end what echoes on the other side'];
    case 'silent':
      return [
        'see whether the board has power and its firmware runs',
        'see whether TX goes to RX, RX to TX, and ground to ground',
        ...(baud === null ? [] : [others]),
      ];
    case 'unplugged':
      return ['look at the cable and the power; dmesg tells whether the kernel saw it go'];
    default:
      // The message of the error says what to do.
      return [];
  }
}

/** What a UART reads of a line without a level of its own. */
export function isHeldLow(bytes: Uint8Array): boolean {
  return bytes.length > 0 && bytes.every((byte) => byte === 0);
}

const OTHER_RATES = [9_600, 57_600, 115_200, 460_800, 921_600, 1_000_000];

/** They write to new ports and hold them for a while, which looks like damage or like another user. */
function grabberSteps({ verdict, grabbers }: ProbeReport): string[] {
  if (verdict === 'answered' || verdict === 'not-a-port' || verdict === 'not-permitted') return [];
  return grabbers.map(
    ({ pid, command }) =>
      `${command} (pid ${pid}) runs here and grabs new ports: ${GRABBER_REMEDIES[command]}`,
  );
}

const GRABBER_REMEDIES: Readonly<Record<string, string>> = {
  ModemManager: "the udev rules of 'gpiobridge install-service' keep it away, or stop it",
  brltty: 'remove it unless a braille display is used: sudo apt remove brltty',
};
