import { lstatSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { Argument, Command } from 'commander';
import type { SocketAccess } from '../../api/server/socket.js';
import { makeDirectory, removeMade } from '../../base/make-directory.js';
import { UsageError } from '../errors.js';
import { type ClientOptions, notes } from '../options.js';
import { print, printJson } from '../output.js';
import { catchEndingSignals, dieOf, whenAborted } from '../signals.js';

interface ExportOptions extends ClientOptions {
  readonly name?: string;
  readonly owner?: string;
  readonly group?: string;
  readonly mode?: string;
  readonly stateDir?: string;
}

const TYPES = ['vhost-user'] as const;

export function command(): Command {
  return new Command('export')
    .description('Offer a chip to a virtual machine, until SIGTERM or SIGINT.')
    .addArgument(new Argument('<type>', 'how').choices(TYPES))
    .argument('<chip>', 'the chip: its name, number or the path of its socket')
    .argument('<socket>', 'path of the socket that the hypervisor connects to')
    .option('--name <name>', "what its requests are known by, as vm:NAME (default: the socket's file name)")
    .option('--owner <user>', 'owner of the socket')
    .option('--group <group>', 'group of the socket')
    .option('--mode <mode>', 'mode of the socket (default: 0600)')
    .option('--state-dir <dir>', 'where to keep what a guest made of its lines (default: SOCKET.state)')
    .option('--runtime-dir <dir>', 'runtime directory of the daemon')
    .option('--json', 'print each change as a JSON object on a line')
    .addHelpText('after', notes(QEMU_HELP, HELP))
    .action(exportChip);
}

const QEMU_HELP = `QEMU (its memory has to be shared; without reconnect=1 from QEMU 9.0 on):
  -object memory-backend-memfd,id=mem,size=1G,share=on -machine memory-backend=mem -m 1G
  -chardev socket,id=gpio,path=SOCKET,reconnect=1 -device vhost-user-gpio-pci,chardev=gpio`;

const HELP = `This is a program of its own beside the daemon, with the rights of whoever starts it: what a guest does to
it, the daemon does not feel. It lives through restarts of the daemon. For exports that are always
there, write [[export]] into the daemon's configuration.

Exit status: that of the signal that ends it, after the guest's lines are in order (143 after SIGTERM, 130 after
SIGINT, as a shell has it); 1 on any error.`;

async function exportChip(
  _type: string,
  chipId: string,
  path: string,
  options: ExportOptions,
): Promise<void> {
  const socket = resolve(path);
  const name = options.name ?? basename(socket).replace(/\.[^.]+$/, '');
  const { CHIP_NAME } = await import('../../api/server/api-server.js');
  if (!CHIP_NAME.test(name)) throw new UsageError(`invalid name: '${name}'`);
  const access = await socketAccess(options);
  const stateDir = options.stateDir ?? `${socket}.state`;
  const made = privateFolder(stateDir);
  const signals = catchEndingSignals();
  const served = await open({ chipId, socket, name, access, stateDir, options }).catch((thrown: unknown) => {
    removeMade(made);
    throw thrown;
  });
  await whenAborted(signals.aborted);
  await served.close();
  signals.stop();
  if (signals.received !== undefined) dieOf(signals.received);
}

interface Job {
  readonly chipId: string;
  readonly socket: string;
  readonly name: string;
  readonly access: SocketAccess;
  readonly stateDir: string;
  readonly options: ExportOptions;
}

async function open({ chipId, socket, name, access, stateDir, options }: Job) {
  const [
    { connect },
    { DaemonChip },
    { VhostUserExport },
    { serveVhostUser },
    { systemTime },
    { TIMEOUTS },
    { NEVER },
  ] = await Promise.all([
    import('../../api/client/connect.js'),
    import('../../api/client/daemon-chip.js'),
    import('../../export/vhost-user/vhost-user-export.js'),
    import('../../vhost-user/serve.js'),
    import('../../linux/clock.js'),
    import('../../base/timeouts.js'),
    import('rxjs'),
  ]);
  const retryMs = TIMEOUTS.guest_retry.defaultMs;
  const { runtimeDir, json } = options;
  const chip = await DaemonChip.open({
    id: chipId,
    connect: () => connect(runtimeDir === undefined ? {} : { runtimeDir }),
    timers: systemTime,
    retryMs,
  });
  const exported = new VhostUserExport({
    name,
    chip: chip.name,
    chips: { get: () => chip, changes$: NEVER },
    socket,
    access,
    stateDir,
    time: systemTime,
    retryMs,
    chipMs: TIMEOUTS.guest_chip.defaultMs,
    open: serveVhostUser,
    log: (level, event, { export: _name, chip: _chip, ...fields }) => {
      if (json) void printJson({ type: 'export', level, event, chip: chip.name, ...fields });
      else void print(`${sentence(event, fields)}\n`, level === 'info' ? process.stdout : process.stderr);
    },
  });
  exported.start();
  return {
    close: async () => {
      await exported.close();
      chip.close();
    },
  };
}

/** What happened, in words. */
function sentence(event: string, fields: Record<string, unknown>): string {
  const { reason, message, error } = fields;
  const why = reason ?? message ?? (error instanceof Error ? error.message : undefined);
  const rest = Object.entries(fields).filter(([key]) => !['reason', 'message', 'error'].includes(key));
  const details = rest.map(([key, value]) => `${key.replaceAll('_', ' ')} ${value}`).join(', ');
  const text = `${event.replaceAll('_', ' ')}${why === undefined ? '' : `: ${why}`}`;
  return details === '' ? text : `${text} (${details})`;
}

async function socketAccess({ owner, group, mode = '0600' }: ExportOptions): Promise<SocketAccess> {
  if (!/^0?[0-7]{3}$/.test(mode)) throw new UsageError(`invalid mode: '${mode}'`);
  const [{ resolveAccess }, { Problems }] = await Promise.all([
    import('../../daemon/config/accounts.js'),
    import('../../base/problems.js'),
  ]);
  const problems = new Problems();
  const access = resolveAccess({ owner, group, mode: Number.parseInt(mode, 8), key: '-' }, problems);
  try {
    problems.throwIfAny();
  } catch {
    throw new UsageError(`unknown user or group: '${owner ?? group}'`);
  }
  return access;
}

/** Made for this user alone; one that is another's is not used. Returns the folders made. */
function privateFolder(path: string): readonly string[] {
  const made = makeDirectory(path, 'state directory', 0o700);
  const stat = lstatSync(path);
  if (!stat.isDirectory() || stat.uid !== process.geteuid?.())
    throw new UsageError(`'${path}' is not a folder of this user: give another with --state-dir`);
  return made;
}
