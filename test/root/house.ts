import type { ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from '../../src/api/client/connect.js';
import type { BridgeClient } from '../../src/api/client/types.js';
import { eventually, Program, temporaryDirectory } from '../support/program.js';
import type { Account } from './accounts.js';
import { type Outcome, runAs, startAs } from './as-user.js';
import { installForAll } from './installation.js';

/** What a call by hand came to (programs/raw.mjs). */
export interface RawOutcome {
  readonly refused?: string;
  readonly error?: string;
  readonly message?: string;
  readonly result?: unknown;
  readonly closed?: true;
}

/** For an answer, on a machine that others keep busy as well. */
const CALL_MS = 30_000;

/** A daemon that root runs for other users, with a simulated coprocessor for each name. */
export class House {
  readonly directory = temporaryDirectory();
  readonly runtimeDir = this.directory.join('run');
  readonly stateDir = this.directory.join('state');
  readonly sims = new Map<string, Program>();
  daemon!: Program;
  readonly #clients: BridgeClient[] = [];
  readonly #installed: { main: string; programs: string };

  constructor() {
    // Others have to come through to what they may use.
    chmodSync(this.directory.path, 0o755);
    this.#installed = installForAll(this.directory.join('app'));
    mkdirSync(this.directory.join('links'), { mode: 0o700 });
  }

  /** `toml` has `LINK(name)` where the link of a coprocessor belongs. */
  async start(toml: string, sims: Readonly<Record<string, readonly string[]>>): Promise<void> {
    for (const [name, args] of Object.entries(sims)) {
      const listen = ['--listen', `unix:${this.#port(name)}`, '--control', `${this.#port(name)}.sim`];
      const sim = new Program(['sim', ...listen, ...args]);
      this.sims.set(name, sim);
      await sim.waitFor(/listening on/);
    }
    const config = toml.replace(/LINK\((\w+)\)/g, (_, name: string) => `link = "unix:${this.#port(name)}"`);
    writeFileSync(this.directory.join('config.toml'), config);
    await this.startDaemon();
    await eventually(
      async () => {
        const { chips } = await (await this.client()).status();
        return [...this.sims.keys()].every((name) => chips.some((chip) => chip.name === name)) &&
          chips.every(({ state }) => state === 'up')
          ? true
          : undefined;
      },
      () => `every chip to be up\n${this.daemon.stderr}`,
    );
  }

  async startDaemon(): Promise<void> {
    const at = ['--runtime-dir', this.runtimeDir, '--config', this.directory.join('config.toml')];
    this.daemon = new Program(['daemon', ...at]);
    await this.daemon.waitFor(/event=ready/);
  }

  async client(): Promise<BridgeClient> {
    const client = await connect({ runtimeDir: this.runtimeDir, timeoutMs: CALL_MS });
    this.#clients.push(client);
    return client;
  }

  /** The control of a simulator. */
  simControl(name: string): string {
    return `${this.#port(name)}.sim`;
  }

  socket(name: string): string {
    return name === 'control' ? `${this.runtimeDir}/control` : `${this.runtimeDir}/chips/${name}`;
  }

  /** A subcommand of gpiobridge as this user. */
  tool(user: Account, ...args: string[]): Promise<Outcome> {
    return runAs(user, [this.#installed.main, ...args], { GPIOBRIDGE_RUNTIME_DIR: this.runtimeDir });
  }

  /** Starts a subcommand that does not end by itself. */
  startTool(user: Account, ...args: string[]): ChildProcess {
    return startAs(user, [this.#installed.main, ...args]);
  }

  /** A call by hand as this user, at the socket of a chip or `control`. */
  raw(user: Account, socket: string, method: string, ...params: unknown[]): Promise<RawOutcome> {
    return this.rawAt(user, this.socket(socket), method, ...params);
  }

  /** The same at the socket of this path. */
  async rawAt(user: Account, path: string, method: string, ...params: unknown[]): Promise<RawOutcome> {
    const program = `${this.#installed.programs}/raw.mjs`;
    const { stdout, stderr } = await runAs(user, [program, path, method, JSON.stringify(params)]);
    if (stdout === '') throw new Error(`raw.mjs said nothing: ${stderr}`);
    return JSON.parse(stdout) as RawOutcome;
  }

  /** Starts one of the programs as this user. */
  program(user: Account, name: string, ...args: string[]) {
    return startAs(user, [`${this.#installed.programs}/${name}`, ...args]);
  }

  async stop(): Promise<void> {
    for (const client of this.#clients.splice(0)) client.close();
    await Promise.allSettled([this.daemon?.stop(), ...[...this.sims.values()].map((sim) => sim.stop())]);
    this.directory.remove();
  }

  #port(name: string): string {
    return this.directory.join(`links/${name}`);
  }
}
