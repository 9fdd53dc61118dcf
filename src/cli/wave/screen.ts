const ESC = '\x1b';
const HIDE_CURSOR = `${ESC}[?25l`;
const SHOW_CURSOR = `${ESC}[?25h`;
const SAVE_CURSOR = `${ESC}7`;
const RESTORE_CURSOR = `${ESC}8`;
const TO_END_OF_LINE = `${ESC}[K`;
const TO_END_OF_SCREEN = `${ESC}[J`;
const CLEAR_SCREEN = `${ESC}[H${ESC}[2J`;

/**
 * A block of lines that is drawn over itself. Pure: gives the text to write. Between frames the cursor
 * rests, hidden, at the top of the block, so that a key that is pressed scrolls nothing away.
 */
export class InPlace {
  #drawn: readonly string[] | undefined;
  #size = '';

  /**
   * The text that shows this frame instead of the last one; '' when nothing differs, unless `anew`.
   * The frame is lower than the terminal and no wider.
   */
  draw(frame: readonly string[], terminal: { columns: number; rows: number }, anew = false): string {
    const before = this.#drawn;
    const size = `${terminal.columns}x${terminal.rows}`;
    const resized = size !== this.#size;
    this.#drawn = frame;
    this.#size = size;
    const lines = frame.map((line) => `${line}${TO_END_OF_LINE}\r\n`).join('');
    if (before !== undefined && !resized)
      return !anew && isSame(before, frame)
        ? ''
        : `${RESTORE_CURSOR}${lines}${TO_END_OF_SCREEN}${RESTORE_CURSOR}`;
    // Where a resized terminal has put what was there, nobody knows.
    const begin = before === undefined ? HIDE_CURSOR : CLEAR_SCREEN;
    return `${begin}${lines}${ESC}[${frame.length}A${SAVE_CURSOR}`;
  }

  /** Leaves the last frame where it is, and the cursor below it. A next frame is drawn below, too. */
  leave(): string {
    const drawn = this.#drawn;
    this.#drawn = undefined;
    return drawn === undefined ? '' : `${RESTORE_CURSOR}${ESC}[${drawn.length}B${SHOW_CURSOR}`;
  }
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, index) => line === b[index]);
}
