import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { connect } from '../../api/client/connect.js';
import { type Child, startChild } from '../demo/child.js';
import { guideText } from '../demo/guide.js';
import { parentGone } from '../demo/parent.js';
import { SCENE } from '../demo/scene.js';
import { waitUntil } from '../demo/wait.js';
import { print, readerGone } from '../output.js';
import { catchEndingSignals, whenAborted } from '../signals.js';

const SIGNAL_GRACE_MS = 200;

interface DemoOptions {
  readonly json?: boolean;
}

export function command(): Command {
  return new Command('demo')
    .description(
      'Run a simulated coprocessor on a pty, a daemon that opens it, and a monitor; until Ctrl-C. Needs no set-up.',
    )
    .option('--json', 'print the events as JSON, and nothing else on stdout')
    .action(demo);
}

/** The files of one demo, all in a directory of its own. */
interface Places {
  readonly dir: string;
  readonly runtimeDir: string;
  readonly pty: string;
  readonly control: string;
}

async function demo(options: DemoOptions): Promise<void> {
  const signals = catchEndingSignals();
  const ending = new AbortController();
  const dir = await mkdtemp(join(tmpdir(), 'gpiobridge-demo-'));
  const places = { dir, runtimeDir: join(dir, 'run'), pty: join(dir, 'tty'), control: join(dir, 'sim') };
  const children: Child[] = [];
  const start: Start = (name, args, showOutput = false) => {
    const child = startChild(name, args, { showOutput, ending: signals.aborted });
    children.push(child);
    return child;
  };
  try {
    let unread = false;
    const reader = readerGone().then(() => {
      unread = true;
    });
    const ended = Promise.race([whenAborted(signals.aborted), parentGone(ending.signal), reader]);
    await Promise.race([play(places, options, start), ended]).catch(async (thrown: unknown) => {
      // Ctrl-C reaches the children as well: that they end is a failure only if no signal came.
      await Promise.race([ended, sleep(SIGNAL_GRACE_MS)]);
      if (!signals.aborted.aborted && !unread) throw thrown;
    });
  } finally {
    ending.abort();
    // Those that lean on others first: nobody is to complain of a lost peer.
    for (const child of children.reverse()) await child.stop();
    await rm(dir, { recursive: true, force: true });
    signals.stop();
  }
  if (signals.received === 'SIGINT' && process.stdout.isTTY) await print('\n');
}

type Start = (name: string, args: readonly string[], showOutput?: boolean) => Child;

/** Starts everything, and goes on until nobody reads what the monitor prints; rejects when a process fails. */
async function play(places: Places, options: DemoOptions, start: Start): Promise<void> {
  const { names, stimuli, monitored, input, output, format } = SCENE;
  const { pty, control, runtimeDir } = places;
  const sim = start('the simulated coprocessor', [
    'sim',
    ...['--listen', `pty:${pty}`, '--control', control],
    ...['--lines', String(names.length), '--names', names.join(',')],
    ...stimuli.flatMap((stimulus) => ['--stimulus', stimulus]),
  ]);
  await Promise.race([waitUntil('the pty', () => exists(pty)), sim.failed]);
  const daemon = start('the daemon', ['daemon', '--runtime-dir', runtimeDir, '--link', `hub=serial:${pty}`]);
  await Promise.race([waitUntil('the chip', () => chipIsUp(runtimeDir)), sim.failed, daemon.failed]);
  if (!options.json)
    await print(
      guideText({ program: programCall(), dir: places.dir, pty, control, runtimeDir, input, output }),
    );
  const printing = options.json ? ['--json'] : ['--event-clock', 'realtime', '--format', format];
  const monitor = start('the monitor', ['mon', '--runtime-dir', runtimeDir, ...printing, ...monitored], true);
  // It ends well only when its reader has gone, as behind `| head`.
  return Promise.race([sim.failed, daemon.failed, monitor.finished]);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Whether the daemon answers and has its chip's description. */
async function chipIsUp(runtimeDir: string): Promise<boolean> {
  try {
    const daemon = await connect({ runtimeDir });
    try {
      return (await (await daemon.openChip('hub')).info()).state.kind === 'up';
    } finally {
      daemon.close();
    }
  } catch {
    return false;
  }
}

/** How to call this program from another terminal, in whatever directory that is. */
function programCall(): string {
  const main = process.argv[1];
  return basename(main) === 'gpiobridge' ? 'gpiobridge' : main;
}
