import type { OptionDefinition, SubcommandDefinition } from '../definitions.js';
import { argumentCandidates, type Candidates, quoted, valueCandidates } from './candidates.js';

/** The completion script for zsh: a file named _gpiobridge in a folder of $fpath. */
export function zshScript(subcommands: readonly SubcommandDefinition[]): string {
  const described = subcommands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`);
  return `#compdef gpiobridge
# zsh completion for gpiobridge
${HELPERS}
_gpiobridge() {
  local program=$words[1]
  local -a subcommands=(
${described.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe subcommand subcommands
    return
  fi
  shift words
  (( CURRENT-- ))
  case $words[1] in
    help) _describe subcommand subcommands ;;
${subcommands.map(caseOf).join('\n')}
  esac
}

# Sourced, or loaded by compinit.
if [[ $funcstack[1] == _gpiobridge ]]; then _gpiobridge "$@"; else compdef _gpiobridge gpiobridge; fi
`;
}

const HELPERS = `
# Names that the daemon knows; of one chip, and of one daemon, where these are given.
_gpiobridge_names() {
  local kind=$1 i
  local -a args=(--names $kind) names
  shift
  for (( i = 2; i < CURRENT - 1; i++ )); do
    case $words[i] in
      -c|--chip|--runtime-dir) args+=($words[i] $words[i+1]) ;;
    esac
  done
  names=(\${(f)"$($program completion $args 2>/dev/null)"})
  compadd "$@" -a names
}
_gpiobridge_chips() { _gpiobridge_names chips }
_gpiobridge_lines() { _gpiobridge_names lines }
_gpiobridge_settings() {
  if compset -P '*='; then compadd 0 1 inactive active off on; else _gpiobridge_names lines -S = ; fi
}
`;

function caseOf(subcommand: SubcommandDefinition): string {
  const specs = subcommand.options.map(optionSpec);
  const rest = argumentCandidates(subcommand);
  if (rest.kind !== 'nothing') specs.push(quoted(`*:${subcommand.arguments[0]!.name}:${actionFor(rest)}`));
  return `    ${subcommand.name})
      _arguments -s ${specs.map((spec) => `\\\n        ${spec}`).join(' ')} ;;`;
}

function optionSpec(option: OptionDefinition): string {
  const words = [option.short, option.long].filter((word) => word !== undefined);
  const several = option.description.includes('repeatable');
  const text = `[${option.description.replaceAll(/[[\]\\:]/g, '\\$&')}]`;
  const value =
    option.value === undefined
      ? ''
      : `:${option.value.replaceAll(':', '\\:')}:${actionFor(valueCandidates(option))}`;
  const rest = quoted(`${text}${value}`);
  if (words.length === 1) return several ? `'*'${words[0]}${rest}` : `${words[0]}${rest}`;
  const head = several ? "'*'" : quoted(`(${words.join(' ')})`);
  return `${head}{${words.join(',')}}${rest}`;
}

function actionFor(candidates: Candidates): string {
  switch (candidates.kind) {
    case 'words':
      return `(${candidates.words.join(' ')})`;
    case 'chips':
    case 'lines':
    case 'settings':
      return `_gpiobridge_${candidates.kind}`;
    case 'files':
      return '_files';
    case 'folders':
      return '_files -/';
    case 'nothing':
      return ' ';
  }
}
