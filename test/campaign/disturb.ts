import type { SimulatedCoprocessor } from '../../firmware-sim/index.js';
import { AWAY_MS, type Disturbance, STOPPED_MS } from './cells.js';
import type { Outage } from './gap-cover.js';

/** What there is to disturb. */
export interface Disturbed {
  readonly coprocessor: SimulatedCoprocessor;
  readonly daemonPid: number;
  /** The client that is judged: whether it reads. */
  readonly reader: { pause(): void; resume(): void };
  /** ns since the epoch. */
  readonly nowNs: () => number;
}

/** Does it. Returns when all was in place again, and the restart, where the firmware lost its state. */
export async function disturb(
  kind: Disturbance,
  { coprocessor, daemonPid, reader, nowNs }: Disturbed,
): Promise<{ backNs: number; outage: Outage | undefined }> {
  const fromNs = nowNs();
  let restartNs: number | undefined;
  const reboot = (): void => {
    restartNs = nowNs();
    coprocessor.reboot();
  };
  switch (kind) {
    case 'reboot':
      reboot();
      break;
    case 'port':
      await coprocessor.closePorts();
      await pass(AWAY_MS);
      await coprocessor.openPorts();
      break;
    case 'crash':
      await coprocessor.closePorts();
      await pass(AWAY_MS);
      reboot();
      await coprocessor.openPorts();
      break;
    case 'daemon-stop':
      process.kill(daemonPid, 'SIGSTOP');
      await pass(AWAY_MS);
      process.kill(daemonPid, 'SIGCONT');
      break;
    case 'client-stop':
      reader.pause();
      await pass(STOPPED_MS);
      reader.resume();
      break;
  }
  const backNs = nowNs();
  return { backNs, outage: restartNs === undefined ? undefined : { fromNs, restartNs, toNs: backNs } };
}

/** Lets so much time pass. */
export function pass(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
