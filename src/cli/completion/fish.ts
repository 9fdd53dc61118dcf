import type { OptionDefinition, SubcommandDefinition } from '../definitions.js';
import { argumentCandidates, type Candidates, valueCandidates } from './candidates.js';

/** The completion script for fish 3 and later. */
export function fishScript(subcommands: readonly SubcommandDefinition[]): string {
  const lines = subcommands.flatMap((subcommand) => {
    const { name, summary } = subcommand;
    const inside = `complete -c gpiobridge -n '__fish_seen_subcommand_from ${name}'`;
    return [
      `complete -c gpiobridge -n __fish_use_subcommand -a ${name} -d ${fishQuoted(summary)}`,
      ...subcommand.options.map((option) => `${inside} ${optionWords(option)}`),
      ...argumentLine(inside, argumentCandidates(subcommand)),
    ];
  });
  return `# fish completion for gpiobridge
${HELPERS}
complete -c gpiobridge -f
${lines.join('\n')}
`;
}

const HELPERS = `
# Names that the daemon knows; of one chip, and of one daemon, where these are given.
function __gpiobridge_names
    set -l words (commandline -opc)
    set -l args --names $argv[1]
    for i in (seq 2 (count $words))
        if contains -- $words[$i] -c --chip --runtime-dir; and test $i -lt (count $words)
            set -a args $words[$i] $words[(math $i + 1)]
        end
    end
    $words[1] completion $args 2>/dev/null
end

function __gpiobridge_settings
    for name in (__gpiobridge_names lines)
        printf '%s=0\\n%s=1\\n' $name $name
    end
end
`;

function optionWords(option: OptionDefinition): string {
  const { short, long, value, description } = option;
  return [
    short === undefined ? '' : `-s ${short.slice(1)}`,
    long === undefined ? '' : `-l ${long.slice(2)}`,
    value === undefined ? '' : actionFor(valueCandidates(option)),
    `-d ${fishQuoted(description)}`,
  ]
    .filter((word) => word !== '')
    .join(' ');
}

function argumentLine(inside: string, candidates: Candidates): string[] {
  return candidates.kind === 'nothing' ? [] : [`${inside} ${actionFor(candidates).replace(/^-x /, '')}`];
}

function actionFor(candidates: Candidates): string {
  switch (candidates.kind) {
    case 'words':
      return `-x -a ${fishQuoted(candidates.words.join(' '))}`;
    case 'chips':
    case 'lines':
      return `-x -a '(__gpiobridge_names ${candidates.kind})'`;
    case 'settings':
      return "-x -a '(__gpiobridge_settings)'";
    case 'files':
      return '-r -F';
    case 'folders':
      return "-x -a '(__fish_complete_directories)'";
    case 'nothing':
      return '-x';
  }
}

/** In single quotes fish reads two escapes. */
function fishQuoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, '\\$&')}'`;
}
