const ESC = '\x1b[';
const HIDE_CURSOR = `${ESC}?25l`;
const SHOW_CURSOR = `${ESC}?25h`;
const TO_END_OF_LINE = `${ESC}K`;
const TO_END_OF_SCREEN = `${ESC}J`;

/**
 * A block of lines that is drawn over itself. Pure: gives the text to write. The cursor rests at the
 * beginning of the line below the block, so that whatever ends the program leaves a clean terminal.
 */
export class InPlace {
  #drawn: readonly string[] | undefined;
  #columns = 0;

  /** The text that shows this frame instead of the last one; '' when nothing differs. */
  draw(frame: readonly string[], columns: number): string {
    const before = this.#drawn;
    if (before !== undefined && columns === this.#columns && isSame(before, frame)) return '';
    let text = before === undefined ? HIDE_CURSOR : this.#toTop(columns);
    const keep = before !== undefined && columns === this.#columns ? before : [];
    for (const [index, line] of frame.entries())
      text += keep[index] === line ? '\n' : `\r${line}${TO_END_OF_LINE}\n`;
    if (before !== undefined) text += TO_END_OF_SCREEN;
    this.#drawn = frame;
    this.#columns = columns;
    return text;
  }

  /** The next frame is drawn anew, below whatever is on the screen now. */
  forget(): void {
    this.#drawn = undefined;
  }

  /** Leaves the last frame where it is. */
  leave(): string {
    return SHOW_CURSOR;
  }

  /** A terminal that became narrower has wrapped the lines of the last frame. */
  #toTop(columns: number): string {
    const rows = this.#drawn!.reduce(
      (sum, line) => sum + (columns < this.#columns ? Math.max(1, Math.ceil(line.length / columns)) : 1),
      0,
    );
    const clear = columns === this.#columns ? '' : TO_END_OF_SCREEN;
    return `\r${rows > 0 ? `${ESC}${rows}A` : ''}${clear}`;
  }
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, index) => line === b[index]);
}
