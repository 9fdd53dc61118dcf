import { UsageError } from './errors.js';

/** What spelling out needs to know of an option, as commander has it. */
export interface KnownOption {
  /** `-c` */
  readonly short?: string | undefined;
  /** `--chip` */
  readonly long?: string | undefined;
  /** Whether a value follows. */
  readonly required: boolean;
}

/** Commander keeps this one apart from the others. */
const HELP: KnownOption = { short: '-h', long: '--help', required: false };

/** What libgpiod's tools do not have: an abbreviation that is unique with them stays so with us. */
const OURS: ReadonlySet<string> = new Set([
  '--json',
  '--runtime-dir',
  '--vcd',
  '--wave',
  '--wave-span',
  '--ascii',
]);

/**
 * Long options may be abbreviated as getopt_long allows, which libgpiod's tools read their arguments
 * with; commander does not. Writes them out in full, up to `--`. Throws {@link UsageError} where an
 * abbreviation may mean several; what means none is left, for commander to refuse.
 */
export function spellOut(args: readonly string[], options: readonly KnownOption[]): string[] {
  const known = [...options, HELP];
  const spelled: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (arg === '--') return [...spelled, ...args.slice(at)];
    const full = arg.startsWith('--') ? spellOutOne(arg, known) : arg;
    spelled.push(full);
    // A value is no option, whatever it looks like.
    if (takesNext(full, known) && at + 1 < args.length) spelled.push(args[++at]!);
  }
  return spelled;
}

function spellOutOne(arg: string, known: readonly KnownOption[]): string {
  const equals = arg.indexOf('=');
  const typed = equals < 0 ? arg : arg.slice(0, equals);
  const names = known.flatMap(({ long }) => long ?? []);
  if (names.includes(typed)) return arg;
  const all = names.filter((name) => name.startsWith(typed));
  const theirs = all.filter((name) => !OURS.has(name));
  const meant = theirs.length > 0 ? theirs : all;
  if (meant.length > 1) throw new UsageError(`option '${typed}' is ambiguous: ${meant.sort().join(', ')}`);
  return meant.length === 0 ? arg : meant[0]! + arg.slice(typed.length);
}

/** Whether the value of an option is the next argument. */
function takesNext(arg: string, known: readonly KnownOption[]): boolean {
  if (arg.startsWith('--')) return known.some(({ long, required }) => required && long === arg);
  if (!arg.startsWith('-')) return false;
  // Letters of options in a row: what follows one that takes a value is its value.
  const letters = [...arg.slice(1)];
  const taker = letters.findIndex((letter) =>
    known.some(({ short, required }) => required && short === `-${letter}`),
  );
  return taker >= 0 && taker === letters.length - 1;
}
