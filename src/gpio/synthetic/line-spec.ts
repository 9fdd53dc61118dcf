import { BridgeError } from '../../base/errors.js';

/**
 * The lines of a synthetic chip as they are written:
 *
 *     hub:4               one line by its offset
 *     hub:3-5             a range, upwards or downwards
 *     hub:DOOR_LOCK       by name; in "..." where it has a '=', begins with '"' or looks like an offset
 *     hub:4=door-sensor   one line, with another name on the new chip
 */

/** One line: which one of which chip, and what it is called on the new one. */
export interface LineSpec {
  /** The chip that it is a line of. */
  readonly parent: string;
  /** By offset or by name. */
  readonly line: number | string;
  /** Its name on the synthetic chip; undefined: the one it has. */
  readonly rename: string | undefined;
  /** What was written, for messages. */
  readonly text: string;
}

/** Most lines of one synthetic chip, as of the kernel's aggregator. */
export const MAX_SYNTHETIC_LINES = 512;

/** Largest offset of a line (GpioConfig.ngpio has 16 bits). */
const MAX_OFFSET = 0xffff;
/** Longest name, UTF-16 units. */
const MAX_NAME = 255;

/** Longest text of all specifications of one chip, UTF-16 units: they go into one message. */
const MAX_TEXT = 16_384;

const QUOTED = /^"((?:[^"\\]|\\["\\])*)"(?:=(.*))?$/s;
const OFFSETS = /^(\d+)(?:-(\d+))?(?:=(.*))?$/s;
const NAME = /^(?!")([^=]+)(?:=(.*))?$/s;

/**
 * The lines of these specifications, in their order. Throws INVALID_ARGUMENT for the first that
 * cannot be read, for none, for too many, and for one that is named twice.
 */
export function parseLineSpecs(texts: readonly string[]): readonly LineSpec[] {
  if (texts.reduce((length, text) => length + text.length, 0) > MAX_TEXT) {
    throw new BridgeError('INVALID_ARGUMENT', `more than ${MAX_TEXT} characters to name lines`);
  }
  const lines: LineSpec[] = [];
  const seen = new Set<string>();
  for (const text of texts) {
    for (const line of parseLineSpec(text)) {
      const key = lineKey(line);
      if (seen.has(key)) throw invalid(text, `line ${line.line} of chip '${line.parent}' is there already`);
      seen.add(key);
      lines.push(line);
    }
    if (lines.length > MAX_SYNTHETIC_LINES) {
      throw new BridgeError(
        'INVALID_ARGUMENT',
        `more than ${MAX_SYNTHETIC_LINES} lines for one synthetic chip`,
      );
    }
  }
  if (lines.length === 0) throw new BridgeError('INVALID_ARGUMENT', 'at least one line must be named');
  return lines;
}

/** The lines of one specification: one, or those of a range. Throws INVALID_ARGUMENT. */
export function parseLineSpec(text: string): readonly LineSpec[] {
  const colon = text.indexOf(':');
  if (colon <= 0 || colon === text.length - 1) {
    throw invalid(
      text,
      'write CHIP:OFFSET, CHIP:FIRST-LAST or CHIP:NAME, each but a range with =NEWNAME behind it if wanted',
    );
  }
  const parent = text.slice(0, colon);
  const line = text.slice(colon + 1);
  const offsets = OFFSETS.exec(line);
  if (offsets !== null) return parseOffsets(text, parent, offsets);
  const quoted = QUOTED.exec(line);
  const match = quoted ?? NAME.exec(line);
  if (match === null)
    throw invalid(
      text,
      `write CHIP:"NAME" for a name with '=' or a leading '"', with \\ before each '"' and '\\' in it`,
    );
  const name = quoted === null ? match[1]! : match[1]!.replace(/\\(["\\])/g, '$1');
  return [{ parent, line: checkedName(text, name), rename: renameOf(text, match[2]), text }];
}

/** The same for two specifications that certainly mean the same line. */
export function lineKey({ parent, line }: LineSpec): string {
  return typeof line === 'number' ? `${parent}:${line}` : `${parent}:"${line}"`;
}

/** Writes a line so that {@link parseLineSpec} reads it. */
export function formatLineSpec(parent: string, line: number | string): string {
  if (typeof line === 'number') return `${parent}:${line}`;
  const plain = !/^"|=/.test(line) && !OFFSETS.test(line);
  return `${parent}:${plain ? line : `"${line.replace(/["\\]/g, '\\$&')}"`}`;
}

function parseOffsets(text: string, parent: string, match: RegExpExecArray): readonly LineSpec[] {
  const first = offsetOf(text, match[1]!);
  if (match[2] === undefined) return [{ parent, line: first, rename: renameOf(text, match[3]), text }];
  const last = offsetOf(text, match[2]);
  if (match[3] !== undefined) throw invalid(text, 'a range cannot be renamed: name its lines one by one');
  const count = Math.abs(last - first) + 1;
  if (count > MAX_SYNTHETIC_LINES) throw invalid(text, `${count} lines: at most ${MAX_SYNTHETIC_LINES}`);
  const step = last < first ? -1 : 1;
  return Array.from({ length: count }, (_, i) => ({
    parent,
    line: first + step * i,
    rename: undefined,
    text,
  }));
}

function offsetOf(text: string, digits: string): number {
  const offset = Number(digits);
  if (offset > MAX_OFFSET) throw invalid(text, `no chip has a line ${digits}`);
  return offset;
}

function renameOf(text: string, name: string | undefined): string | undefined {
  return name === undefined ? undefined : checkedName(text, name);
}

function checkedName(text: string, name: string): string {
  if (name === '') throw invalid(text, 'the name is empty');
  if (name.length > MAX_NAME) throw invalid(text, `the name is longer than ${MAX_NAME} characters`);
  if (/[\p{Cc}\p{Cs}]/u.test(name)) throw invalid(text, 'control characters are not accepted in a name');
  return name;
}

function invalid(text: string, problem: string): BridgeError {
  const shown = JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text);
  return new BridgeError('INVALID_ARGUMENT', `line specification ${shown}: ${problem}`);
}
