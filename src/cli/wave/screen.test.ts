import { describe, expect, it } from 'vitest';
import { InPlace } from './screen.js';

/** As much of a terminal as the view needs; it scrolls, and does not wrap. */
class Terminal {
  rows: string[];
  scrolledAway: string[] = [];
  row = 0;
  column = 0;
  cursor = true;
  private saved = [0, 0];

  constructor(readonly height: number) {
    this.rows = Array.from({ length: height }, () => '');
  }

  get size() {
    return { columns: 80, rows: this.height };
  }

  write(text: string): void {
    for (const [piece, ansi] of text.matchAll(/\p{Cc}(\[\??\d*[A-Za-z]|[78])|[\s\S]/gu)) {
      if (ansi === undefined) this.put(piece);
      else this.obey(ansi);
    }
  }

  private obey(ansi: string): void {
    if (ansi === '[?25l' || ansi === '[?25h') this.cursor = ansi === '[?25h';
    else if (ansi === '7') this.saved = [this.row, this.column];
    else if (ansi === '8') [this.row, this.column] = this.saved;
    else if (ansi === '[K') this.rows[this.row] = this.rows[this.row].slice(0, this.column);
    else if (ansi === '[J') this.rows.fill('', this.row + (this.column === 0 ? 0 : 1));
    else if (ansi === '[2J') this.rows.fill('');
    else if (ansi === '[H') [this.row, this.column] = [0, 0];
    else if (ansi.endsWith('A')) this.row = Math.max(0, this.row - Number(ansi.slice(1, -1)));
    else if (ansi.endsWith('B')) this.row = Math.min(this.height - 1, this.row + Number(ansi.slice(1, -1)));
    else throw new Error(`unknown sequence ${ansi}`);
  }

  private put(piece: string): void {
    if (piece === '\r') this.column = 0;
    else if (piece === '\n' && this.row < this.height - 1) this.row++;
    else if (piece === '\n') {
      this.scrolledAway.push(this.rows.shift()!);
      this.rows.push('');
    } else {
      const line = this.rows[this.row].padEnd(this.column);
      this.rows[this.row] = line.slice(0, this.column) + piece + line.slice(this.column + 1);
      this.column++;
    }
  }
}

/** A terminal with a prompt on its first lines. */
function terminalAfter(prompts: number, height = 6): Terminal {
  const terminal = new Terminal(height);
  for (let i = 0; i < prompts; i++) terminal.write('$\r\n');
  return terminal;
}

describe('InPlace', () => {
  it('draws a frame over the last one, and leaves the terminal in order', () => {
    const terminal = terminalAfter(1);
    const screen = new InPlace();
    terminal.write(screen.draw(['one', 'two', 'three'], terminal.size));
    expect(terminal.cursor).toBe(false);
    terminal.write(screen.draw(['one', 'zwei', '3'], terminal.size));
    expect(terminal.rows).toEqual(['$', 'one', 'zwei', '3', '', '']);
    terminal.write(screen.draw(['uno'], terminal.size));
    terminal.write(screen.leave());
    expect(terminal.rows).toEqual(['$', 'uno', '', '', '', '']);
    expect([terminal.row, terminal.column, terminal.cursor]).toEqual([2, 0, true]);
  });

  it('makes room at the bottom of the terminal once', () => {
    const terminal = terminalAfter(5);
    const screen = new InPlace();
    for (const line of ['a', 'b', 'c']) terminal.write(screen.draw([line, line, line], terminal.size));
    terminal.write(screen.leave());
    expect(terminal.rows).toEqual(['$', '$', 'c', 'c', 'c', '']);
    expect(terminal.scrolledAway).toHaveLength(3);
    expect(terminal.row).toBe(5);
  });

  it('heals what was typed into it', () => {
    const terminal = terminalAfter(5);
    const screen = new InPlace();
    terminal.write(screen.draw(['one', 'two'], terminal.size));
    terminal.write('xyz\r\n\r\n');
    terminal.write(screen.draw(['one', 'two'], terminal.size, true));
    expect(terminal.rows).toEqual(['$', '$', '$', 'one', 'two', '']);
  });

  it('writes nothing where nothing differs', () => {
    const terminal = terminalAfter(0);
    const screen = new InPlace();
    expect(screen.leave()).toBe('');
    screen.draw(['one'], terminal.size);
    expect(screen.draw(['one'], terminal.size)).toBe('');
  });

  it('starts at the top of a terminal that was resized', () => {
    const terminal = terminalAfter(3);
    const screen = new InPlace();
    terminal.write(screen.draw(['one'], terminal.size));
    terminal.write(screen.draw(['one'], { ...terminal.size, columns: 40 }));
    expect(terminal.rows).toEqual(['one', '', '', '', '', '']);
  });

  it('starts anew below what came while it was left', () => {
    const terminal = terminalAfter(0);
    const screen = new InPlace();
    terminal.write(screen.draw(['one'], terminal.size));
    terminal.write(screen.leave());
    terminal.write('Stopped\r\n$ fg\r\n');
    terminal.write(screen.draw(['one'], terminal.size));
    expect(terminal.rows).toEqual(['one', 'Stopped', '$ fg', 'one', '', '']);
    expect(terminal.cursor).toBe(false);
  });
});
