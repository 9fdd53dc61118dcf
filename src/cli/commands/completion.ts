import { Argument, Command, Option } from 'commander';
import type { SubcommandDefinition } from '../definitions.js';
import { UsageError } from '../errors.js';
import { notes } from '../options.js';
import { print } from '../output.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

interface CompletionOptions {
  readonly names?: 'chips' | 'lines';
  readonly chip?: string;
  readonly runtimeDir?: string;
}

/** Who presses Tab waits for no daemon. */
const DAEMON_MS = 500;

export function command(): Command {
  return new Command('completion')
    .description('Print a script that completes subcommands, options, chips and lines in a shell.')
    .addArgument(new Argument('[shell]', 'for which shell').choices(SHELLS))
    .addOption(
      new Option('--names <what>', 'print the names that the daemon knows, as the scripts ask').choices([
        'chips',
        'lines',
      ]),
    )
    .option('-c, --chip <chip>', 'with --names lines: of this chip only')
    .option('--runtime-dir <dir>', 'with --names: runtime directory of the daemon')
    .addHelpText('after', notes(INSTALL_HELP))
    .action(complete);
}

const INSTALL_HELP = `To have it in every shell:
  bash  gpiobridge completion bash > /etc/bash_completion.d/gpiobridge
        or, in ~/.bashrc: source <(gpiobridge completion bash)
  zsh   gpiobridge completion zsh > /usr/local/share/zsh/site-functions/_gpiobridge
  fish  gpiobridge completion fish > ~/.config/fish/completions/gpiobridge.fish`;

async function complete(shell: Shell | undefined, options: CompletionOptions): Promise<void> {
  if (options.names !== undefined) return print((await names(options)).map((name) => `${name}\n`).join(''));
  if (shell === undefined) throw new UsageError(`which shell? ${SHELLS.join(', ')}`);
  const { subcommandDefinitions } = await import('../definitions.js');
  const script = await SCRIPTS[shell]();
  await print(script(await subcommandDefinitions()));
}

type Script = (subcommands: readonly SubcommandDefinition[]) => string;

const SCRIPTS: Readonly<Record<Shell, () => Promise<Script>>> = {
  bash: async () => (await import('../completion/bash.js')).bashScript,
  zsh: async () => (await import('../completion/zsh.js')).zshScript,
  fish: async () => (await import('../completion/fish.js')).fishScript,
};

/** Empty where no daemon answers: a completion that fails must not print into the line being typed. */
async function names({ names: what, chip, runtimeDir }: CompletionOptions): Promise<string[]> {
  const { connect } = await import('../../api/client/connect.js');
  const { openChips } = await import('../locate.js');
  try {
    const daemon = await connect({
      timeoutMs: DAEMON_MS,
      ...(runtimeDir === undefined ? {} : { runtimeDir }),
    });
    try {
      if (what === 'chips') return await daemon.chips();
      const lists = await Promise.all((await openChips(daemon, chip)).map((each) => each.lines()));
      return [...new Set(lists.flat().flatMap(({ name }) => (name ? [name] : [])))];
    } finally {
      daemon.close();
    }
  } catch {
    return [];
  }
}
