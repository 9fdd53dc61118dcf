import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type Server, type Socket } from 'node:net';
import { temporaryDirectory } from '../../support/program.js';
import { preparedGuest } from './prepared-guest.js';
import { type MachineOptions, qemuArguments, qemuProgram } from './qemu-options.js';
import { TextLog } from './text-log.js';

const START_LIMIT_MS = 60_000;
const CONSOLE_LINES = 40;

/** The virtual machine as a process: QEMU, its console, and the socket of the agent. */
export class Machine {
  readonly console = new TextLog();
  private readonly directory = temporaryDirectory();
  private readonly sockets = { agent: this.directory.join('agent'), qmp: this.directory.join('qmp') };
  private readonly server: Server;
  private readonly agentSocket: Promise<Socket>;
  private readonly qemu: ChildProcess;
  private readonly ended: Promise<void>;
  private readonly endWatchers = new Set<() => void>();
  private end: string | undefined;

  private constructor(options: MachineOptions) {
    this.server = createServer();
    this.agentSocket = new Promise((resolve) => this.server.once('connection', resolve));
    this.server.listen(this.sockets.agent);
    this.qemu = spawn(qemuProgram(), qemuArguments(preparedGuest(), options, this.sockets), {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.qemu.stdout!, this.qemu.stderr!])
      stream.setEncoding('utf8').on('data', (text: string) => this.console.append(text));
    this.ended = new Promise((resolve) => {
      const over = (how: string): void => {
        this.end ??= how;
        this.console.notify();
        for (const watcher of [...this.endWatchers]) watcher();
        resolve();
      };
      this.qemu.on('error', (error) => over(`QEMU did not start: ${error.message}`));
      this.qemu.on('close', (status, signal) => over(`QEMU ended (${signal ?? `exit status ${status}`})`));
    });
    process.once('exit', this.kill);
  }

  /** Starts a machine. The backends of its devices listen already. */
  static start(options: MachineOptions): Machine {
    return new Machine(options);
  }

  get pid(): number {
    return this.qemu.pid!;
  }

  /** How it ended, in words; undefined while it runs. */
  get fate(): string | undefined {
    return this.end;
  }

  /** QMP's socket. */
  get qmpSocket(): string {
    return this.sockets.qmp;
  }

  /** The channel to the agent: QEMU connects at once; the guest says `ready` when it has booted. */
  async agent(): Promise<Socket> {
    let socket: Socket | undefined;
    void this.agentSocket.then((found) => {
      socket = found;
      this.console.notify();
    });
    return this.console.until(
      () => {
        this.mustRun();
        return socket;
      },
      START_LIMIT_MS,
      () => this.describe('QEMU to connect'),
    );
  }

  /** Throws, with the console's last lines, when the machine is gone. */
  mustRun(): void {
    if (this.end !== undefined) throw new Error(this.describe(this.end));
  }

  /** Calls `watcher` when it ends; returns what takes that back. */
  onEnd(watcher: () => void): () => void {
    this.endWatchers.add(watcher);
    return () => this.endWatchers.delete(watcher);
  }

  /** A message with the console's last lines. */
  describe(what: string): string {
    return `${what}\nthe guest's console:\n${this.console.tail(CONSOLE_LINES)}`;
  }

  /** Ends it as a cut of the power would, and removes its files. */
  async stop(): Promise<void> {
    this.kill();
    await this.ended;
    process.off('exit', this.kill);
    this.server.close();
    this.directory.remove();
  }

  /** Waits until QEMU ended by itself. */
  async exit(limitMs = START_LIMIT_MS): Promise<void> {
    await this.console.until(
      () => this.end,
      limitMs,
      () => this.describe('QEMU to end'),
    );
  }

  private readonly kill = (): void => {
    this.qemu.kill('SIGKILL');
  };
}
