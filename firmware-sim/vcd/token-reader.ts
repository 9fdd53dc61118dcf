/** The next piece of a file; undefined at its end. */
export type ReadChunk = () => Uint8Array | undefined;

/** Longer words are no Value Change Dump. */
const MAX_TOKEN = 65_536;
const NEWLINE = 0x0a;
const SPACE = 0x20;

/** The words of a text between white space, with the number of the line each stands on. Keeps one chunk at a time. */
export class TokenReader {
  /** Line of the token that was read last, from 1. */
  line = 1;
  private chunk: Uint8Array = new Uint8Array(0);
  private at = 0;
  private newlines = 0;

  constructor(private readonly readChunk: ReadChunk) {}

  /** Undefined at the end. A word that is too long comes in pieces. */
  next(): string | undefined {
    if (!this.skipSpace()) return undefined;
    this.line += this.newlines;
    this.newlines = 0;
    let token = this.takeWord();
    while (this.at === this.chunk.length && token.length < MAX_TOKEN) {
      if (!this.refill()) return token;
      token += this.takeWord();
    }
    return token;
  }

  /** Moves to the next word; false when there is none. */
  private skipSpace(): boolean {
    for (;;) {
      const { chunk } = this;
      while (this.at < chunk.length) {
        const byte = chunk[this.at]!;
        if (byte > SPACE) return true;
        if (byte === NEWLINE) this.newlines++;
        this.at++;
      }
      if (!this.refill()) return false;
    }
  }

  private takeWord(): string {
    const { chunk, at } = this;
    let end = at;
    while (end < chunk.length && chunk[end]! > SPACE) end++;
    this.at = end;
    let word = '';
    // Identifiers and values are short: this is faster than a decoder.
    for (let i = at; i < end; i++) word += String.fromCharCode(chunk[i]!);
    return word;
  }

  private refill(): boolean {
    const chunk = this.readChunk();
    if (chunk === undefined) return false;
    this.chunk = chunk;
    this.at = 0;
    return true;
  }
}
