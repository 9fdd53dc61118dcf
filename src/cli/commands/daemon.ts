import { Command } from 'commander';
import type { DaemonConfig } from '../../daemon/config/config.js';
import type { LinkOption } from '../../daemon/config/read-config.js';
import { errorLines, ManyErrors } from '../errors.js';
import { fromHere } from '../link-from-here.js';
import { notes } from '../options.js';
import { print, printJson } from '../output.js';
import { traceFilesOption, traceSizeOption } from '../trace/trace-options.js';
import { packageVersion } from '../version.js';

interface DaemonCommandOptions {
  readonly config?: string;
  readonly link?: readonly LinkOption[];
  readonly check?: boolean;
  readonly runtimeDir?: string;
  readonly stateDir?: string;
  readonly trace?: string;
  readonly traceSize: number;
  readonly traceFiles: number;
  readonly json?: boolean;
}

const DEFAULT_CONFIG = '/etc/gpiobridge/gpiobridge.toml';

/** Exit status for a configuration that is not valid. */
const CONFIG_STATUS = 2;

export function command(): Command {
  return new Command('daemon')
    .description('Serve coprocessors to programs, until SIGTERM or SIGINT.')
    .option('--config <file>', `configuration (default: ${DEFAULT_CONFIG}, where there is one)`)
    .option('--link <NAME=URL>', 'a coprocessor and where it is (repeatable)', addLink)
    .option('--check', 'check the configuration, print every error, and exit')
    .option('--runtime-dir <dir>', 'where the sockets are made')
    .option('--state-dir <dir>', 'where chips are kept that outlive the daemon')
    .option('--trace <file>', "record every frame of every link, for 'gpiobridge decode'")
    .addOption(traceSizeOption())
    .addOption(traceFilesOption())
    .option('--json', 'log as JSON, one object a line')
    .addHelpText('after', notes(LINKS_HELP, SIGNALS_HELP, EXIT_HELP))
    .action(serve);
}

const LINKS_HELP = `Links:
  serial:/dev/ttyACM0?baud=921600    a serial line (or a pty)
  rpmsg:SERVICE, rpmsg:/dev/rpmsg0   an rpmsg service by name, or an endpoint (docs/rpmsg.md)
  unix:PATH, tcp:HOST:PORT           a socket, as the simulator offers it
  seqpacket:PATH                     a socket that carries messages as rpmsg does`;

const SIGNALS_HELP = `Signals:
  SIGTERM, SIGINT    end, in under a second; outputs stay as they are until somebody else sets them
  SIGHUP             read the configuration again; what did not change goes on undisturbed`;

const EXIT_HELP = `Exit status: 0 after SIGTERM or SIGINT, or when --check finds no error; 1 on any error;
2 when the configuration is not valid, with every error on a line of its own.`;

/** What is wrong with it is told with all that is wrong with the configuration. */
function addLink(text: string, links: readonly LinkOption[] = []): readonly LinkOption[] {
  const equals = text.indexOf('=');
  if (equals < 0) return [...links, { name: undefined, url: text }];
  return [...links, { name: text.slice(0, equals), url: fromHere(text.slice(equals + 1)) }];
}

async function serve(options: DaemonCommandOptions): Promise<void> {
  const { ConfigInvalid } = await import('../../base/problems.js');
  try {
    if (options.check) await check(options);
    else await runDaemon(options);
  } catch (thrown) {
    if (!(thrown instanceof ConfigInvalid)) throw thrown;
    const problems = new ManyErrors(thrown.problems);
    if (options.check && options.json)
      await printJson({ type: 'config', valid: false, errors: thrown.problems });
    else process.stderr.write(errorLines('gpiobridge daemon', problems));
    process.exitCode = CONFIG_STATUS;
  }
}

async function check(options: DaemonCommandOptions): Promise<void> {
  const { resolveAllAccess } = await import('../../daemon/socket-access.js');
  const config = await load(options);
  resolveAllAccess(config);
  const coprocessors = config.coprocessors.map(({ name, link }) => ({ name, link }));
  if (options.json) await printJson({ type: 'config', valid: true, coprocessors });
  else await print(`valid: ${coprocessors.map(({ name, link }) => `${name} on ${link}`).join(', ')}\n`);
}

async function load(options: DaemonCommandOptions): Promise<DaemonConfig> {
  const { loadConfig } = await import('../../daemon/config/load-config.js');
  const config = loadConfig(options.config, DEFAULT_CONFIG, options.link ?? []);
  return options.json ? { ...config, log: { ...config.log, format: 'json' } } : config;
}

async function runDaemon(options: DaemonCommandOptions): Promise<void> {
  const { runUntilSignal } = await import('../../daemon/run.js');
  await runUntilSignal({
    load: () => load(options),
    runtimeDir: options.runtimeDir,
    stateDir: options.stateDir,
    version: packageVersion(),
    trace:
      options.trace === undefined
        ? undefined
        : { path: options.trace, maxBytes: options.traceSize, maxFiles: options.traceFiles },
  });
}
