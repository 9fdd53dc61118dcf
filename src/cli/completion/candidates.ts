import type { OptionDefinition, SubcommandDefinition } from '../definitions.js';

/** What can be completed in one place: fixed words, or something that the shell or the daemon knows. */
export type Candidates =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'chips' | 'lines' | 'settings' | 'files' | 'folders' | 'nothing' };

/** Values that are checked by a parser of their own, by what stands for them in the help. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  edges: ['rising', 'falling', 'both'],
  clock: ['monotonic', 'realtime'],
  event: ['requested', 'released', 'reconfigured'],
  drive: ['push-pull'],
};

const KINDS: Readonly<Record<string, Exclude<Candidates['kind'], 'words'>>> = {
  chip: 'chips',
  line: 'lines',
  // A line with the value that it gets.
  'line=value': 'settings',
  'line[=value]': 'lines',
  file: 'files',
  path: 'files',
  dir: 'folders',
};

/** For the value of an option. */
export function valueCandidates({ value, choices }: OptionDefinition): Candidates {
  return candidates(value ?? '', choices);
}

/** For words that are no options; a subcommand has one kind of them. */
export function argumentCandidates({ arguments: args }: SubcommandDefinition): Candidates {
  const [first] = args;
  return first === undefined ? { kind: 'nothing' } : candidates(first.name, first.choices);
}

function candidates(placeholder: string, choices: readonly string[] | undefined): Candidates {
  const name = placeholder.toLowerCase();
  const words = choices ?? WORDS[name];
  if (words !== undefined) return { kind: 'words', words };
  return { kind: KINDS[name] ?? 'nothing' };
}

/** Options as they are typed. */
export function optionWords({ options }: SubcommandDefinition): string[] {
  return options.flatMap(({ short, long }) => [short, long]).filter((word) => word !== undefined);
}

/** A word or text in single quotes, as all three shells read them. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
