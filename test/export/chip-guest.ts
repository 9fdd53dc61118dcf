import { afterEach } from 'vitest';
import type { LineInfo } from '../../src/gpio/chip.js';
import { MSG } from '../../src/wire/virtio-gpio.js';
import { ModelOverChip, type ModelOverChipOptions } from '../support/model-over-chip.js';

const NAMES = ['DOOR', 'LAMP', 'BUTTON', 'BELL'];

/** A guest of one test, with the words in which the tests of the chip's lines are written. */
export interface ChipGuest {
  readonly model: ModelOverChip;
  /** Boots it, with the lines DOOR, LAMP, BUTTON and BELL where nothing else is said. */
  guest(options?: Partial<ModelOverChipOptions>): Promise<ModelOverChip>;
  /** The answer to a request: status and value. */
  ask(type: number, line: number, value?: number): Promise<number[]>;
  direct(line: number, direction: number): Promise<number[]>;
  enable(line: number, type: number): Promise<number[]>;
  /** The pin takes these levels, one after the other, and all that follows is done. */
  drive(line: number, ...levels: (0 | 1)[]): Promise<void>;
  info(line: number): LineInfo;
  /** The buffers of the eventq that came back with an interrupt since this was last asked. */
  valid(): Promise<number[]>;
}

/** A guest for each test of the file that calls this. */
export function useChipGuest(): ChipGuest {
  let model: ModelOverChip;
  afterEach(() => model.close());
  const ask = (type: number, line: number, value = 0) => model.ask(type, line, value);
  return {
    get model() {
      return model;
    },
    guest: async (options = {}) => {
      model = await ModelOverChip.open({ lines: NAMES.length, names: NAMES, ...options });
      model.start();
      return model;
    },
    ask,
    direct: (line, direction) => ask(MSG.SET_DIRECTION, line, direction),
    enable: (line, type) => ask(MSG.SET_IRQ_TYPE, line, type),
    drive: async (line, ...levels) => {
      for (const level of levels) {
        model.rig.coprocessor.drive(line, level);
        await model.settle();
      }
    },
    info: (line) => model.chip!.lineInfo(line),
    valid: async () => (await model.events()).filter(([, ok]) => ok).map(([id]) => id),
  };
}
