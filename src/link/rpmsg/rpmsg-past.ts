import type { RemoteProcessor } from '../../linux/remoteproc.js';
import type { RpmsgEndpoint } from '../../linux/rpmsg-tree.js';
import { processorDown } from './rpmsg-error.js';

/** The endpoint that a link by device had open first. */
export interface OpenedService extends RpmsgEndpoint {
  /** Of the processor behind it, below /sys/devices; undefined: it is not known. */
  readonly hardware: string | undefined;
}

/** What an rpmsg link has learned of its other end, for as long as it is configured: over all of its openings. */
export class RpmsgPast {
  /** What the device of a link by device was, when it was opened first. */
  opened: OpenedService | undefined;

  /** Processors that were seen crashed, and not running since, by device. */
  private readonly crashed = new Set<string>();

  /** As processorDown, by what was seen of that processor before. */
  processorDown(processor: RemoteProcessor | undefined): string | undefined {
    if (processor === undefined) return undefined;
    const { device, state } = processor;
    if (state === 'crashed') this.crashed.add(device);
    else if (state === 'running' || state === 'attached') this.crashed.delete(device);
    return processorDown(processor, this.crashed.has(device));
  }
}
