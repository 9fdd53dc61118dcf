import { UsageError } from './errors.js';
import { type LineValue, parseLineValue } from './line-value.js';
import { parsePeriod } from './period.js';

/** A line typed at the prompt of `set --interactive`, understood. Without ids all lines are meant. */
export type InteractiveCommand =
  | { readonly kind: 'nothing' | 'help' | 'exit' }
  | { readonly kind: 'get' | 'toggle'; readonly ids: readonly string[] | undefined }
  | { readonly kind: 'set'; readonly values: readonly LineValue[] }
  | { readonly kind: 'sleep'; readonly microseconds: number };

export const COMMANDS = ['get', 'set', 'toggle', 'sleep', 'help', 'exit'] as const;

/** What `help` prints. */
export const INTERACTIVE_HELP = `COMMANDS:

    get [line]...
        show the values given to lines, to all of them where none is named
    set <line=value>...
        give lines other values
    toggle [line]...
        turn the values of lines around, of all of them where none is named
    sleep <period>
        wait: milliseconds unless a unit is given (us, ms, s, m)
    help
        show this
    exit
        give the lines back and end
`;

/** Understands a line; `known` are the ids of the lines that are held. Throws {@link UsageError}. */
export function parseInteractiveLine(text: string, known: readonly string[]): InteractiveCommand {
  const [command, ...words] = splitWords(text);
  if (words.length > known.length && command !== 'sleep')
    throw new UsageError('too many command parameters provided');
  switch (command) {
    case undefined:
      return { kind: 'nothing' };
    case 'help':
    case 'exit':
      return { kind: command };
    case 'get':
    case 'toggle':
      return { kind: command, ids: words.length === 0 ? undefined : checkKnown(words.map(unquoted), known) };
    case 'set':
      return { kind: 'set', values: parseValues(words, known) };
    case 'sleep':
      return { kind: 'sleep', microseconds: parseSleep(words) };
    default:
      throw new UsageError(`unknown command: '${command}'\nTry the 'help' command`);
  }
}

function parseValues(words: readonly string[], known: readonly string[]): LineValue[] {
  if (words.length === 0) throw new UsageError('at least one GPIO line value must be specified');
  const values = words.map(parseLineValue);
  checkKnown(
    values.map(({ id }) => id),
    known,
  );
  return values;
}

function parseSleep(words: readonly string[]): number {
  if (words.length === 0) throw new UsageError('a period must be specified');
  if (words.length > 1) throw new UsageError('only one period can be specified');
  try {
    return parsePeriod(words[0]);
  } catch {
    throw new UsageError(`invalid period: '${words[0]}'`);
  }
}

function checkKnown(ids: readonly string[], known: readonly string[]): readonly string[] {
  const unknown = ids.filter((id) => !known.includes(id));
  if (unknown.length > 0) throw new UsageError(unknown.map((id) => `unknown line: '${id}'`).join('\n'));
  return ids;
}

/** Words are separated by white space; one that begins with a quote runs to the next and what follows it. */
function splitWords(text: string): string[] {
  return text.match(/"[^"]*"?\S*|\S+/g) ?? [];
}

function unquoted(word: string): string {
  if (!word.startsWith('"')) return word;
  if (word.length < 2 || !word.endsWith('"')) throw new UsageError(`invalid line id: '${word}'`);
  return word.slice(1, -1);
}

const VALUE_WORDS = ['1', '0', 'active', 'inactive', 'on', 'off', 'true', 'false'];

/** What a tab may complete: the candidates for the word at the end of `text`, and that word. */
export function completeInteractiveLine(text: string, known: readonly string[]): [string[], string] {
  const command = /^\s*(\S+)\s/.exec(text)?.[1];
  const word = /[^\s="]*$/.exec(text)?.[0] ?? '';
  return [candidates(text, command, known).filter((candidate) => candidate.startsWith(word)), word];
}

function candidates(text: string, command: string | undefined, known: readonly string[]): readonly string[] {
  if (command === undefined) return COMMANDS.map((name) => `${name} `);
  const named = text.split(/[\s="]+/).slice(1, -1);
  const left = known.filter((id) => !named.includes(id));
  if (command === 'get' || command === 'toggle') return left.map((id) => `${id} `);
  if (command !== 'set') return [];
  return /=[^\s=]*$/.test(text) ? VALUE_WORDS.map((value) => `${value} `) : left.map((id) => `${id}=`);
}
