import { Command, Option } from 'commander';
import type { ProbeReport } from '../../daemon/probe/report.js';
import type { LinkUrl } from '../../link/url.js';
import { UsageError } from '../errors.js';
import { fromHere } from '../link-from-here.js';
import { addClientOptions, type ClientOptions, notes } from '../options.js';
import { print, printJson } from '../output.js';

interface ProbeCommandOptions extends ClientOptions {
  readonly baud?: readonly number[];
  readonly seconds: number;
  readonly hello: boolean;
  readonly anyway?: boolean;
}

export function command(): Command {
  return addClientOptions(new Command('probe'))
    .description('Find out what answers on a port, and what to do if nothing useful does.')
    .argument(
      '<url>',
      'serial:/dev/ttyACM0?baud=921600, unix:PATH, tcp:HOST:PORT, rpmsg:NAME, or a device as /dev/ttyACM0',
    )
    .addOption(new Option('--baud <rates...>', 'try these rates, one after the other').argParser(addRate))
    .addOption(
      new Option('--seconds <number>', 'how long to try, at each rate').argParser(parseSeconds).default(5),
    )
    .option('--no-hello', 'stop before HELLO, which tells about the firmware and may reset its lines')
    .option('--anyway', 'talk to the port even if text comes from it, as from a console')
    .addHelpText('after', notes(ORDER_HELP, EXIT_HELP))
    .action(run);
}

const ORDER_HELP = `It listens first, then opens a session of the serial link, then says HELLO. Firmware that can
resume and has said its boot_id by then goes on undisturbed; any other resets its lines at HELLO. When
the boot_id is not known, that is said first. A port that a daemon has is not touched.`;

const EXIT_HELP = `Exit status: 0 when firmware answered that this version can work with; 1 otherwise.`;

async function run(text: string, options: ProbeCommandOptions): Promise<void> {
  const { parseLinkUrl } = await import('../../link/url.js');
  const url = parseLinkUrl(urlOf(text));
  if (options.baud !== undefined && url.kind !== 'serial') {
    throw new UsageError(`--baud: ${text} is no serial port`);
  }
  const { daemonHolder } = await import('../probe/daemon-holder.js');
  const holder = await daemonHolder(url, options);
  if (holder !== undefined) {
    const name = holder.coprocessor === null ? '' : ` as '${holder.coprocessor}'`;
    throw new UsageError(
      `a gpiobridge daemon (pid ${holder.pid}) has this port${name}: 'gpiobridge status' tells how it is`,
    );
  }
  const answered = await probeEach(text, attempts(url, options.baud), options);
  process.exitCode = answered ? 0 : 1;
}

function attempts(url: LinkUrl, rates: readonly number[] | undefined): readonly LinkUrl[] {
  return url.kind === 'serial' && rates !== undefined ? rates.map((baud) => ({ ...url, baud })) : [url];
}

/** Until one answers, or the port is of no use at any rate. */
async function probeEach(
  text: string,
  urls: readonly LinkUrl[],
  options: ProbeCommandOptions,
): Promise<boolean> {
  const [{ probe }, { probeMessages }, { isMessageUrl }, { systemTime }, { reportText }] = await Promise.all([
    import('../../daemon/probe/probe.js'),
    import('../../daemon/probe/probe-messages.js'),
    import('../../link/url.js'),
    import('../../linux/clock.js'),
    import('../probe/report-text.js'),
  ]);
  for (const url of urls) {
    const probeOptions = {
      time: systemTime,
      random: Math.random,
      limitMs: options.seconds * 1_000,
      hello: options.hello,
      anyway: options.anyway ?? false,
      beforeReset: () => process.stderr.write(RESET_WARNING),
    };
    const report = await (isMessageUrl(url) ? probeMessages(text, probeOptions) : probe(url, probeOptions));
    await (options.json ? printJson(jsonOf(report)) : print(reportText(report)));
    if (report.verdict === 'answered') return true;
    if (!WORTH_ANOTHER_RATE.has(report.verdict)) return false;
  }
  return false;
}

const RESET_WARNING =
  'gpiobridge probe: the boot_id is not known: firmware that runs resets its lines at the HELLO that comes now\n';

const WORTH_ANOTHER_RATE: ReadonlySet<ProbeReport['verdict']> = new Set(['silent', 'wrong-speed', 'console']);

function jsonOf({ received, ...report }: ProbeReport): object {
  return {
    type: 'probe',
    ...report,
    received: { ...received, head: Buffer.from(received.head).toString('hex') },
  };
}

/** As typed: a path alone, anything with a '/' and no kind of link before it, is a serial port. */
function urlOf(text: string): string {
  return fromHere(/^[a-z-]+:/.test(text) || !text.includes('/') ? text : `serial:${text}`);
}

function addRate(text: string, rates: readonly number[] | undefined): readonly number[] {
  const rate = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(rate >= 50 && rate <= 20_000_000)) {
    throw new UsageError(`--baud: '${text}' is no rate from 50 to 20000000`);
  }
  return [...(rates ?? []), rate];
}

function parseSeconds(text: string): number {
  const seconds = /^\d{1,4}(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (seconds >= 0.1 && seconds <= 3_600) return seconds;
  throw new UsageError(`--seconds: '${text}' is no number from 0.1 to 3600`);
}
