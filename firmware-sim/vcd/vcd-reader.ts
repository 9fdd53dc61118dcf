import { BridgeError } from '../../src/base/errors.js';
import { Timescale } from './timescale.js';
import { type ReadChunk, TokenReader } from './token-reader.js';

/** A variable of one bit. Several may share an identifier: they are one signal. */
export interface VcdWire {
  readonly id: string;
  /** As declared, `DOOR`, with its bit where it has one: `PORT[3]`. */
  readonly name: string;
  /** Line of the file that declares it. */
  readonly declaredAt: number;
}

export interface VcdChange {
  /** Since the first time of the dump, ns. */
  readonly timeNs: number;
  readonly id: string;
  /** Undefined for x and z. */
  readonly level: 0 | 1 | undefined;
}

/** More variables are refused. */
const MAX_VARIABLES = 65_536;
/** Kinds of variables that have no level. */
const NO_WIRES = new Set(['real', 'realtime', 'string', 'event']);
const LEVELS: Readonly<Record<string, 0 | 1 | undefined>> = { 0: 0, 1: 1 };
const SCALAR = /^[01xXzZ]/;
const VECTOR = /^[bB]([01xXzZ]+)$/;
const OTHER_VALUE = /^[rRsS]/;
/** Value sections, within which changes stand as elsewhere. */
const SECTIONS = new Set(['$dumpvars', '$dumpall', '$dumpon', '$dumpoff', '$end']);
const COMMENTS = new Set(['$comment', '$vcdclose', '$attrbegin', '$attrend']);

/**
 * Reads a Value Change Dump (IEEE 1364, chapter 18): the declarations at once, then change by
 * change. Keeps the declarations and one chunk of the text. Errors are INVALID_ARGUMENT with
 * `FILE:LINE: ` before them.
 */
export class VcdReader {
  readonly wires: readonly VcdWire[];
  private readonly tokens: TokenReader;
  private readonly scale: Timescale;
  /** Every identifier declared, and whether it is a wire's. */
  private readonly declared = new Map<string, boolean>();
  private firstTicks: bigint | undefined;
  private ticks = 0n;
  private timeNs = 0;

  /** `file` is its name in messages. */
  constructor(
    readChunk: ReadChunk,
    readonly file: string,
  ) {
    this.tokens = new TokenReader(readChunk);
    const wires: VcdWire[] = [];
    const scale = this.readDeclarations(wires);
    if (scale === undefined) throw this.error('no $timescale is declared');
    this.scale = scale;
    this.wires = wires;
  }

  /** The next change of a wire, or undefined at the end of the dump. */
  next(): VcdChange | undefined {
    for (;;) {
      const token = this.tokens.next();
      if (token === undefined) return undefined;
      const change = this.take(token);
      if (change !== undefined) return change;
    }
  }

  private take(token: string): VcdChange | undefined {
    if (token.startsWith('#')) {
      this.moveTo(token);
      return undefined;
    }
    if (SCALAR.test(token)) return this.change(LEVELS[token[0]!], token.slice(1));
    if (VECTOR.test(token) || OTHER_VALUE.test(token)) {
      const id = this.tokens.next() ?? '';
      // A wire may be written as a vector of one bit, longer by zeros that stand for nothing.
      return this.change(LEVELS[token.at(-1)!], id);
    }
    if (COMMENTS.has(token)) this.words(token);
    else if (!SECTIONS.has(token)) throw this.error(`${quoted(token)} is neither a time nor a change`);
    return undefined;
  }

  private change(level: 0 | 1 | undefined, id: string): VcdChange | undefined {
    const isWire = this.declared.get(id);
    if (isWire === undefined) throw this.error(`no variable has the identifier ${quoted(id)}`);
    return isWire ? { timeNs: this.timeNs, id, level } : undefined;
  }

  private moveTo(token: string): void {
    if (!/^#\d{1,30}$/.test(token)) throw this.error(`${quoted(token)} is no time`);
    const ticks = BigInt(token.slice(1));
    this.firstTicks ??= ticks;
    if (ticks < this.ticks) throw this.error(`time goes back from #${this.ticks} to ${token}`);
    this.ticks = ticks;
    const timeNs = Number(this.scale.nanoseconds(ticks - this.firstTicks));
    if (!Number.isSafeInteger(timeNs)) throw this.error(`${token} is more than 104 days after the start`);
    this.timeNs = timeNs;
  }

  private readDeclarations(wires: VcdWire[]): Timescale | undefined {
    let scale: Timescale | undefined;
    for (;;) {
      const keyword = this.tokens.next();
      if (keyword === undefined) throw this.error('it ends before $enddefinitions: this is no VCD file');
      if (!keyword.startsWith('$')) {
        throw this.error(`${quoted(keyword)} before $enddefinitions: this is no VCD file`);
      }
      if (keyword === '$end') continue;
      const words = this.words(keyword);
      if (keyword === '$enddefinitions') return scale;
      if (keyword === '$var') this.declare(words, wires);
      if (keyword === '$timescale') {
        scale = Timescale.parse(words.join(''));
        if (scale === undefined) {
          throw this.error(
            `${quoted(words.join(' '))} is no timescale: 1, 10 or 100 of s, ms, us, ns, ps, fs`,
          );
        }
      }
    }
  }

  private declare(words: readonly string[], wires: VcdWire[]): void {
    const [type, size, id, ...reference] = words;
    if (reference.length === 0 || !/^\d+$/.test(size!)) {
      throw this.error('a variable is declared as $var TYPE SIZE IDENTIFIER NAME $end');
    }
    const isWire = size === '1' && !NO_WIRES.has(type!);
    this.declared.set(id!, isWire);
    if (isWire) wires.push({ id: id!, name: reference.join(''), declaredAt: this.tokens.line });
    if (this.declared.size > MAX_VARIABLES || wires.length > MAX_VARIABLES) {
      throw this.error(`it has more than ${MAX_VARIABLES} variables`);
    }
  }

  /** The words up to `$end`; only the first few are kept, more than any declaration has. */
  private words(keyword: string): string[] {
    const { line } = this.tokens;
    const words: string[] = [];
    for (;;) {
      const word = this.tokens.next();
      if (word === undefined) throw this.error(`no $end for ${quoted(keyword)}`, line);
      if (word === '$end') return words;
      if (words.length < 16) words.push(word);
    }
  }

  private error(what: string, line = this.tokens.line): BridgeError {
    return new BridgeError('INVALID_ARGUMENT', `${this.file}:${line}: ${what}`);
  }
}

/** Text of the file for a message: short, and without control characters. */
function quoted(text: string): string {
  const shown = text.length > 40 ? `${text.slice(0, 40)}...` : text;
  return `'${shown.replace(/[^\x20-\x7e]/g, '?')}'`;
}
