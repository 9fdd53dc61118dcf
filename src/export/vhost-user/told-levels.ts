import type { GpioDevice } from '../../device/gpio-device.js';
import type { LevelBit } from '../../device/line-backend.js';
import { IRQ_TYPE } from '../../wire/virtio-gpio.js';
import type { KeptLines } from '../kept-lines.js';

/**
 * Stands before a device model, and keeps which level the guest was told of last on each line with both edges. An edge
 * that waits for a buffer is told when that comes: until then the level of before it holds. While an edge is
 * being told nothing counts as known, so that a death at that moment makes no edge of one that was told.
 */
export class ToldLevels {
  /** Where to; undefined: there is no guest. */
  kept: KeptLines | undefined;

  constructor(private readonly model: GpioDevice) {}

  /** As of GpioDevice. */
  edge(line: number, level: LevelBit, timeNs: number, missedBefore = 0): void {
    this.telling(line, () => this.model.edge(line, level, timeNs, missedBefore));
  }

  /** As of GpioDevice. */
  setLevel(line: number, level: LevelBit): void {
    this.telling(line, () => this.model.setLevel(line, level));
  }

  /** The guest queues an event buffer of the line, which is done by `queue`. */
  arm(line: number, queue: () => void): void {
    // Without an edge that waits nothing is told, and the level may not be known.
    if (line < this.model.lineCount && this.model.keptOf(line) > 0) this.telling(line, queue);
    else queue();
  }

  private telling(line: number, tell: () => void): void {
    const { kept, model } = this;
    if (kept === undefined || model.interruptTypeOf(line) !== IRQ_TYPE.EDGE_BOTH) {
      tell();
      return;
    }
    const before = kept.toldLevel(line);
    kept.keepLevel(line, undefined);
    tell();
    kept.keepLevel(line, model.keptOf(line) > 0 ? before : model.levelOf(line));
  }
}
