import { writeFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { askControl } from '../../../firmware-sim/control-client.js';
import type { ControlResults } from '../../../firmware-sim/control-protocol.js';
import { connect } from '../../../src/api/client/connect.js';
import type { CoprocessorStatus, DaemonStatus, ExportStatus } from '../../../src/api/client/types.js';
import { eventually, Program, temporaryDirectory } from '../../support/program.js';

/** Configuration of an export `vm` of the coprocessor's whole chip. */
export const HUB_EXPORT = `
  [[export]]
  type = "vhost-user"
  name = "vm"
  chip = "hub"
  socket = "@DIR/vm.sock"
`;

export interface GuestChainOptions {
  /** Further arguments of `gpiobridge sim`. */
  readonly sim?: readonly string[];
  /** Tables of the daemon's configuration behind that of the coprocessor `hub`; `@DIR` stands for the directory. */
  readonly config: string;
}

/**
 * What stands outside of a guest: `gpiobridge sim` on a pty and a daemon that exports its lines, as processes that
 * may be killed and started again.
 */
export class GuestChain {
  readonly directory = temporaryDirectory();
  readonly control = this.directory.join('sim');
  readonly runtimeDir = this.directory.join('run');
  sim: Program;
  daemon: Program;

  constructor(private readonly options: GuestChainOptions) {
    const coprocessor = `[[coprocessor]]\nname = "hub"\nlink = "serial:${this.directory.join('port')}"\n`;
    writeFileSync(
      this.directory.join('config.toml'),
      coprocessor + options.config.replaceAll('@DIR', this.directory.path),
    );
    this.sim = this.startSim();
    this.daemon = this.startDaemon();
  }

  startSim(): Program {
    const { sim = [] } = this.options;
    const port = this.directory.join('port');
    this.sim = new Program(['sim', '--listen', `pty:${port}`, '--control', this.control, ...sim]);
    return this.sim;
  }

  startDaemon(): Program {
    const config = this.directory.join('config.toml');
    this.daemon = new Program(['daemon', '--runtime-dir', this.runtimeDir, '--config', config]);
    return this.daemon;
  }

  /** Waits until an export may be connected to. */
  async offered(name: string): Promise<void> {
    await this.exported(name, ({ state }) => state !== 'waiting', 'to be offered');
  }

  async status(): Promise<DaemonStatus> {
    const client = await connect({ runtimeDir: this.runtimeDir });
    try {
      return await client.status();
    } finally {
      client.close();
    }
  }

  /** Waits until an export is as wanted. */
  exported(name: string, wanted: (status: ExportStatus) => boolean, what: string): Promise<ExportStatus> {
    return this.shown(
      ({ exports }) => exports.find((one) => one.name === name),
      wanted,
      `export ${name} ${what}`,
    );
  }

  /** Waits until the coprocessor is, for the daemon, as wanted. */
  coprocessor(wanted: (status: CoprocessorStatus) => boolean, what: string): Promise<CoprocessorStatus> {
    return this.shown(({ coprocessors }) => coprocessors[0], wanted, `the coprocessor ${what}`);
  }

  private shown<T>(
    of: (status: DaemonStatus) => T | undefined,
    wanted: (found: T) => boolean,
    what: string,
  ): Promise<T> {
    let last: unknown;
    return eventually(
      async () => {
        const found = await this.status()
          .then(of)
          .catch((error: unknown) => {
            last = error;
            return undefined;
          });
        last = found ?? last;
        return found !== undefined && wanted(found) ? found : undefined;
      },
      () => `${what}: ${inspect(last)}\n${this.daemon.stderr}`,
      30_000,
    );
  }

  /** Waits until somebody watches edges of a line of the chip. */
  async watched(chip: string, line: number): Promise<void> {
    const client = await connect({ runtimeDir: this.runtimeDir });
    try {
      const opened = await client.openChip(chip);
      const watched = async () => ((await opened.lineInfo(line)).edges === 'none' ? undefined : true);
      await eventually(watched, `edges of line ${line} of ${chip} to be watched`, 30_000);
    } finally {
      client.close();
    }
  }

  /** The world outside applies a level to a pin. */
  async drive(line: number | string, level: 0 | 1): Promise<void> {
    await askControl(this.control, { command: 'drive', line, level });
  }

  /** What a pin shows. */
  pin(line: number | string): Promise<ControlResults['pin']> {
    return askControl(this.control, { command: 'pin', line });
  }

  /** What became of the edges of a line, in the simulator's account. */
  async sensed(line: number): Promise<number> {
    const { lines } = await askControl(this.control, { command: 'stats' });
    return lines.find((one) => one.line === line)?.sensed ?? 0;
  }

  async stop(): Promise<void> {
    for (const program of [this.daemon, this.sim]) {
      if (program.process.exitCode === null && program.process.signalCode === null) await program.stop();
    }
    this.directory.remove();
  }
}
