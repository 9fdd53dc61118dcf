import type { SimulatedCoprocessor } from '../../firmware-sim/index.js';
import { AWAY_MS, type Disturbance } from './cells.js';

/** A thing that happened to the coprocessor or the daemon, and when all was in place again, ns since the epoch. */
export interface Disturbed {
  readonly atNs: number;
  readonly backNs: number;
  /** The firmware lost its state. */
  readonly restart: boolean;
}

export async function disturb(
  kind: Disturbance,
  coprocessor: SimulatedCoprocessor,
  daemonPid: number,
  nowNs: () => number,
): Promise<Disturbed> {
  const atNs = nowNs();
  switch (kind) {
    case 'reboot':
      coprocessor.reboot();
      break;
    case 'port':
      await coprocessor.closePorts();
      await away();
      await coprocessor.openPorts();
      break;
    case 'crash':
      await coprocessor.closePorts();
      await away();
      coprocessor.reboot();
      await coprocessor.openPorts();
      break;
    case 'daemon-stop':
      process.kill(daemonPid, 'SIGSTOP');
      await away();
      process.kill(daemonPid, 'SIGCONT');
      break;
  }
  return { atNs, backNs: nowNs(), restart: kind === 'reboot' || kind === 'crash' };
}

function away(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, AWAY_MS));
}
