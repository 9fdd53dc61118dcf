import type { SubcommandDefinition } from '../definitions.js';
import { TOOL_NAMES } from '../tool-name.js';
import { argumentCandidates, type Candidates, optionWords, quoted, valueCandidates } from './candidates.js';

/** The completion script for bash 4 and later; needs nothing else installed. */
export function bashScript(subcommands: readonly SubcommandDefinition[]): string {
  const names = subcommands.map(({ name }) => name).join(' ');
  return `# bash completion for gpiobridge
${HELPERS}
_gpiobridge() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  if (( COMP_CWORD == 1 )); then
    _gpiobridge_words '${names} help -h --help -v --version'
    return
  fi
  # '=' breaks words in bash: --chip=hub and LINE=1 are three each.
  [[ $cur == '=' ]] && cur=
  if [[ $prev == '=' || \${COMP_WORDS[COMP_CWORD]} == '=' ]]; then
    prev=\${COMP_WORDS[COMP_CWORD-1]}
    [[ $prev == '=' ]] && prev=\${COMP_WORDS[COMP_CWORD-2]}
    if [[ $prev != -* ]]; then
      _gpiobridge_words '0 1 inactive active off on'
      return
    fi
  fi
  case \${COMP_WORDS[1]} in
    help) _gpiobridge_words '${names}' ;;
${subcommands.map(caseOf).join('\n')}
  esac
}

complete -F _gpiobridge gpiobridge

# A tool of libgpiod's name is ours only where it is a link to the program.
_gpiobridge_tool() {
  local COMP_CWORD=$(( COMP_CWORD + 1 ))
  local name=\${COMP_WORDS[0]##*/}
  local COMP_WORDS=(gpiobridge "\${name#gpio}" "\${COMP_WORDS[@]:1}")
  _gpiobridge
}
_gpiobridge_is_ours() {
  local tool program
  tool=$(type -P "$1") && program=$(type -P gpiobridge) && [[ $(readlink -f "$tool") == $(readlink -f "$program") ]]
}
for _gpiobridge_name in ${Object.keys(TOOL_NAMES).join(' ')}; do
  _gpiobridge_is_ours "$_gpiobridge_name" && complete -F _gpiobridge_tool "$_gpiobridge_name"
done
unset _gpiobridge_name
`;
}

const HELPERS = `
_gpiobridge_add() {
  local word
  while IFS= read -r word; do
    [[ $word == "$cur"* ]] && COMPREPLY+=("$(printf %q "$word")$1")
  done
}

_gpiobridge_words() {
  COMPREPLY=($(compgen -W "$1" -- "$cur"))
}

# Names that the daemon knows; of one chip, and of one daemon, where these are given.
_gpiobridge_names() {
  local i args=(--names "$1")
  for (( i = 2; i < COMP_CWORD; i++ )); do
    case \${COMP_WORDS[i]} in
      -c|--chip|--runtime-dir)
        local at=$(( i + 1 ))
        [[ \${COMP_WORDS[at]} == '=' ]] && (( at++ ))
        (( at < COMP_CWORD )) && args+=("\${COMP_WORDS[i]}" "\${COMP_WORDS[at]}") ;;
    esac
  done
  _gpiobridge_add "$2" < <("\${COMP_WORDS[0]}" completion "\${args[@]}" 2>/dev/null)
}
`;

function caseOf(subcommand: SubcommandDefinition): string {
  const values = subcommand.options.flatMap((option) => {
    if (option.value === undefined) return [];
    const words = [option.short, option.long].filter((word) => word !== undefined);
    return [`        ${words.join('|')}) ${actionFor(valueCandidates(option))} ;;`];
  });
  const options = `_gpiobridge_words ${quoted(optionWords(subcommand).join(' '))}`;
  return `    ${subcommand.name})
      case $prev in
${values.join('\n')}
        *) if [[ $cur == -* ]]; then ${options}; else ${actionFor(argumentCandidates(subcommand))}; fi ;;
      esac ;;`;
}

function actionFor(candidates: Candidates): string {
  switch (candidates.kind) {
    case 'words':
      return `_gpiobridge_words ${quoted(candidates.words.join(' '))}`;
    case 'chips':
    case 'lines':
      return `_gpiobridge_names ${candidates.kind}`;
    case 'settings':
      return 'compopt -o nospace; _gpiobridge_names lines =';
    case 'files':
      return 'compopt -o filenames; _gpiobridge_add < <(compgen -f -- "$cur")';
    case 'folders':
      return 'compopt -o filenames; _gpiobridge_add < <(compgen -d -- "$cur")';
    case 'nothing':
      return ':';
  }
}
