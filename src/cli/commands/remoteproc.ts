import { Argument, Command } from 'commander';
import { UsageError } from '../errors.js';
import { addClientOptions, type ClientOptions, notes } from '../options.js';
import { print, printJson } from '../output.js';
import type { NodeUsers, RemoteprocReport } from '../remoteproc/report.js';

interface RemoteprocOptions extends ClientOptions {
  readonly firmware?: string;
  readonly sysfs: string;
}

type Action = 'list' | 'start' | 'stop' | 'recover';

export function command(): Command {
  const remoteproc = new Command('remoteproc')
    .description('Show remote processors and their rpmsg services; start, stop and recover them.')
    .addArgument(
      new Argument('[action]', 'what to do').choices(['list', 'start', 'stop', 'recover']).default('list'),
    )
    .argument('[processor]', 'which: remoteproc0, 0, or its name')
    .option('--firmware <file>', 'start with this firmware, as below /lib/firmware')
    .option('--sysfs <dir>', 'where sysfs is mounted', '/sys')
    .addHelpText('after', notes(LIST_HELP, ACTION_HELP, EXIT_HELP))
    .action(run);
  return addClientOptions(remoteproc);
}

const LIST_HELP = `A service is a channel that firmware announced, or an endpoint that a program made. USED BY names the
coprocessor of the daemon that has it, another program, or the driver of the kernel: one that a driver
has can be used when the driver let it go (docs/rpmsg.md).`;

const ACTION_HELP = `start boots the processor with its firmware; stop ends it, and every channel with it; recover restarts
one that crashed while its recovery is disabled. The daemon finds its services again by itself.`;

const EXIT_HELP = `Exit status: 0, or 1 on any error.`;

async function run(action: Action, id: string | undefined, options: RemoteprocOptions): Promise<void> {
  if (action !== 'start' && options.firmware !== undefined) {
    throw new UsageError(`--firmware: only start takes it, not ${action}`);
  }
  if (action === 'list') {
    if (id !== undefined) throw new UsageError(`list takes no processor, and shows '${id}' with the others`);
    await list(options);
    return;
  }
  if (id === undefined) throw new UsageError(`${action} which processor? 'gpiobridge remoteproc' lists them`);
  await control(action, id, options);
}

async function list(options: RemoteprocOptions): Promise<void> {
  const [{ RemoteprocTree }, { RpmsgTree }, { remoteprocReport }] = await Promise.all([
    import('../../linux/remoteproc.js'),
    import('../../linux/rpmsg-tree.js'),
    import('../remoteproc/report.js'),
  ]);
  const users = await nodeUsers(options);
  const report = remoteprocReport(new RemoteprocTree(options.sysfs), new RpmsgTree(options.sysfs), users);
  if (options.json) await printReport(report);
  else await print((await import('../remoteproc/report-text.js')).reportText(report));
}

async function printReport({ processors, services }: RemoteprocReport): Promise<void> {
  for (const processor of processors) await printJson(processorObject(processor));
  for (const { kind, ...service } of services) await printJson({ type: kind, ...service });
}

function processorObject(processor: RemoteprocReport['processors'][number]): object {
  const { device, name, state, firmware = null, recovery = null, coredump = null } = processor;
  return { type: 'processor', device, name, state, firmware, recovery, coredump };
}

/** What the daemon has open, if one answers. */
async function nodeUsers(options: ClientOptions): Promise<NodeUsers> {
  const { withDaemon } = await import('../connection.js');
  try {
    const { coprocessors } = await withDaemon(options, (daemon) => daemon.status());
    return new Map(coprocessors.flatMap(({ name, device }) => (device === null ? [] : [[device, name]])));
  } catch (thrown) {
    // One that was named has to be there.
    if (options.runtimeDir !== undefined) throw thrown;
    return new Map();
  }
}

async function control(
  action: Exclude<Action, 'list'>,
  id: string,
  { firmware, sysfs, json }: RemoteprocOptions,
): Promise<void> {
  const [{ RemoteprocTree }, { controlProcessor, findProcessor, titleOf }] = await Promise.all([
    import('../../linux/remoteproc.js'),
    import('../remoteproc/control-processor.js'),
  ]);
  const tree = new RemoteprocTree(sysfs);
  const now = controlProcessor(action, findProcessor(id, tree), firmware, tree);
  await (json ? printJson(processorObject(now)) : print(`${titleOf(now)} is ${now.state}\n`));
}
