import { writeFileSync } from 'node:fs';
import { askControl } from '../../firmware-sim/control-client.js';
import type { ControlResults } from '../../firmware-sim/control-protocol.js';
import { connect } from '../../src/api/client/connect.js';
import type {
  BridgeClient,
  ChipClient,
  LineRequestClient,
  RequestEvent,
} from '../../src/api/client/types.js';
import { EdgeLedger } from './edge-ledger.js';
import { eventually, Program, temporaryDirectory } from './program.js';

/**
 * Lines of a configuration for suites that account for every edge: a daemon that is starved gives up no
 * request, so that a line given back is always counted to its end.
 */
export const PATIENT = '[coprocessor.timeouts]\nrequest_ms = 30000\n';

export interface ChainOptions {
  /** Port between simulator and daemon. */
  readonly port: 'unix' | 'pty' | 'seqpacket';
  /** Further arguments of `gpiobridge sim`. */
  readonly sim?: readonly string[];
  /** A trace to play in place of a simulation, and further arguments for that. */
  readonly replay?: readonly [file: string, ...options: string[]];
  /** Further arguments of `gpiobridge daemon`. */
  readonly daemon?: readonly string[];
  /** Of the daemon's environment, besides what the tests' own has. */
  readonly daemonEnv?: Readonly<Record<string, string>>;
  /** Lines of its configuration for the coprocessor `hub`, besides name and link; without them it has none. */
  readonly config?: string;
}

/**
 * The whole way as users have it: `gpiobridge sim` and `gpiobridge daemon` as processes, the client
 * library here. Everything is in one temporary directory, gone with {@link stop}.
 */
export class Chain {
  readonly directory = temporaryDirectory();
  readonly port = this.directory.join('port');
  readonly control = this.directory.join('sim');
  readonly runtimeDir = this.directory.join('run');
  sim: Program;
  daemon: Program;
  private clients: BridgeClient[] = [];

  constructor(private readonly options: ChainOptions) {
    this.sim = this.startSim();
    this.daemon = this.startDaemon();
  }

  startSim(): Program {
    const listen = `${this.options.port}:${this.port}`;
    const { sim = [], replay } = this.options;
    const what = replay === undefined ? ['--control', this.control, ...sim] : ['--replay', ...replay];
    this.sim = new Program(['sim', '--listen', listen, ...what]);
    return this.sim;
  }

  startDaemon(): Program {
    const { port, daemon = [], daemonEnv, config } = this.options;
    const url = `${port === 'pty' ? 'serial' : port}:${this.port}`;
    const args = ['daemon', '--runtime-dir', this.runtimeDir, ...daemon];
    if (config === undefined) args.push('--link', `hub=${url}`);
    else args.push('--config', this.writeConfig(url, config));
    this.daemon = new Program(args, daemonEnv);
    return this.daemon;
  }

  private writeConfig(url: string, lines: string): string {
    const file = this.directory.join('config.toml');
    writeFileSync(file, `[[coprocessor]]\nname = "hub"\nlink = "${url}"\n${lines}\n`);
    return file;
  }

  async client(): Promise<BridgeClient> {
    const open = () => connect({ runtimeDir: this.runtimeDir }).catch(() => undefined);
    const client = await eventually(open, () => `a daemon to answer\n${this.daemon.stderr}`);
    this.clients.push(client);
    return client;
  }

  /** The chip, once it is up. */
  async chip(name = 'hub', limitMs?: number): Promise<ChipClient> {
    const client = await this.client();
    const open = async (): Promise<ChipClient | undefined> => {
      const chip = await client.openChip(name).catch(() => undefined);
      if (chip === undefined || (await chip.info()).state.kind === 'up') return chip;
      chip.close();
      return undefined;
    };
    return eventually(open, () => `chip ${name} to be up\n${this.daemon.stderr}`, limitMs);
  }

  /** What the simulator counted. */
  simStats(): Promise<ControlResults['stats']> {
    return askControl(this.control, { command: 'stats' });
  }

  async stop(): Promise<void> {
    for (const client of this.clients) client.close();
    await Promise.allSettled([this.sim.stop(), this.daemon.stop()]);
    this.directory.remove();
  }
}

/** Lines monitored on both edges, each event entered in a ledger. */
export class Monitor {
  readonly ledger: EdgeLedger;
  readonly others: RequestEvent[] = [];
  private readonly done: Promise<void>;

  private constructor(
    private readonly request: LineRequestClient,
    offsets: readonly number[],
  ) {
    this.ledger = new EdgeLedger(offsets);
    this.done = this.follow();
  }

  static async start(chip: ChipClient, offsets: readonly number[]): Promise<Monitor> {
    const config = { direction: 'input', edges: 'both', activeLow: false, eventClock: 'monotonic' } as const;
    return new Monitor(await chip.requestLines({ consumer: 'monitor', offsets, config }), offsets);
  }

  /** Gives the lines back and waits for the last event: everything sensed is then accounted for. */
  async stop(): Promise<EdgeLedger> {
    await this.request.release();
    await this.done;
    return this.ledger;
  }

  private async follow(): Promise<void> {
    for await (const events of this.request.events()) {
      this.ledger.take(events.filter((event) => event.type === 'edge' || event.type === 'gap'));
      for (const event of events)
        if (event.type === 'chip' || event.type === 'ended') this.others.push(event);
    }
  }
}
