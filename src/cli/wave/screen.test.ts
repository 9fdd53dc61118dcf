import { describe, expect, it } from 'vitest';
import { InPlace } from './screen.js';

/** As much of a terminal as the view needs: no wrapping, no scrolling back. */
class Terminal {
  rows: string[] = [''];
  row = 0;
  column = 0;
  cursor = true;

  write(text: string): void {
    for (const [piece, ansi] of text.matchAll(/\p{Cc}\[(\??\d*[A-Za-z])|[\s\S]/gu)) {
      if (ansi === '?25l' || ansi === '?25h') this.cursor = ansi === '?25h';
      else if (ansi === 'K') this.rows[this.row] = this.rows[this.row].slice(0, this.column);
      else if (ansi === 'J') this.rows.splice(this.row + (this.column === 0 ? 0 : 1));
      else if (ansi?.endsWith('A')) this.row = Math.max(0, this.row - Number.parseInt(ansi, 10));
      else if (ansi !== undefined) throw new Error(`unknown sequence ${ansi}`);
      else this.#put(piece);
      while (this.rows.length <= this.row) this.rows.push('');
    }
  }

  #put(piece: string): void {
    if (piece === '\r') this.column = 0;
    else if (piece === '\n') {
      this.row++;
      this.column = 0;
    } else {
      const line = this.rows[this.row].padEnd(this.column);
      this.rows[this.row] = line.slice(0, this.column) + piece + line.slice(this.column + 1);
      this.column++;
    }
  }
}

describe('InPlace', () => {
  it('draws a frame over the last one, and leaves the terminal in order', () => {
    const terminal = new Terminal();
    const screen = new InPlace();
    terminal.write('$ mon\n');
    terminal.write(screen.draw(['one', 'two', 'three'], 80));
    expect(terminal.cursor).toBe(false);
    terminal.write(screen.draw(['one', 'zwei', '3'], 80));
    expect(terminal.rows).toEqual(['$ mon', 'one', 'zwei', '3', '']);
    terminal.write(screen.draw(['uno'], 80));
    terminal.write(screen.leave());
    expect(terminal.rows).toEqual(['$ mon', 'uno', '']);
    expect(terminal.row).toBe(2);
    expect(terminal.cursor).toBe(true);
  });

  it('writes nothing where nothing differs', () => {
    const screen = new InPlace();
    screen.draw(['one'], 80);
    expect(screen.draw(['one'], 80)).toBe('');
    expect(screen.draw(['one'], 79)).not.toBe('');
  });

  it('goes back over lines that a narrower terminal has wrapped', () => {
    const screen = new InPlace();
    screen.draw(['a'.repeat(30), 'b'.repeat(10)], 80);
    expect(screen.draw(['c', 'd'], 20)).toContain('\x1b[3A');
  });

  it('starts anew below what came between', () => {
    const terminal = new Terminal();
    const screen = new InPlace();
    terminal.write(screen.draw(['one'], 80));
    terminal.write(screen.leave());
    terminal.write('Stopped\n$ fg\n');
    screen.forget();
    terminal.write(screen.draw(['one'], 80));
    expect(terminal.rows).toEqual(['one', 'Stopped', '$ fg', 'one', '']);
    expect(terminal.cursor).toBe(false);
  });
});
