import { AgentClient } from './agent-client.js';
import { GuestProcess, type Outcome } from './guest-process.js';
import type { Machine } from './machine.js';
import { TextLog } from './text-log.js';

/** From the start of QEMU to the agent; some seconds on a quiet machine. */
const BOOT_LIMIT_MS = 180_000;
const COMMAND_LIMIT_MS = 180_000;

/** How a command runs in the guest. */
export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** User and group; root otherwise. */
  readonly uid?: number;
  readonly gid?: number;
  /** Standard input. It is empty otherwise. */
  readonly input?: string;
  readonly limitMs?: number;
}

/** A shell command, or a program with its arguments. */
export type Command = string | readonly string[];

/** A booted guest, in which a test runs commands. */
export class Guest {
  private constructor(
    readonly machine: Machine,
    private readonly agent: AgentClient,
  ) {}

  /** Waits until the guest takes commands. */
  static async booted(machine: Machine): Promise<Guest> {
    const news = new TextLog();
    let ready: true | undefined;
    const agent = new AgentClient(await machine.agent(), () => {
      ready = true;
      news.notify();
    });
    const check = (): true | undefined => {
      machine.mustRun();
      return ready;
    };
    const forget = machine.onEnd(() => news.notify());
    await news.until(check, BOOT_LIMIT_MS, () => machine.describe('the guest to boot')).finally(forget);
    return new Guest(machine, agent);
  }

  /** Runs a command to its end and returns what came of it, whatever its exit status. */
  run(command: Command, { limitMs = COMMAND_LIMIT_MS, ...options }: CommandOptions = {}): Promise<Outcome> {
    const process = this.start(command, options);
    if (options.input === undefined) process.end();
    return process.exit(limitMs);
  }

  /** Runs a command that must succeed; returns what it printed, without white space at the end. */
  async must(command: Command, options: CommandOptions = {}): Promise<string> {
    const { status, stdout, stderr } = await this.run(command, options);
    if (status === 0) return stdout.trimEnd();
    throw new Error(`"${command}" in the guest ended with ${status}\nstdout: ${stdout}\nstderr: ${stderr}`);
  }

  /** Starts a command and leaves it running. */
  start(command: Command, { env, uid, gid, input }: CommandOptions = {}): GuestProcess {
    const process = new GuestProcess(this.machine, this.agent, {
      argv: typeof command === 'string' ? ['sh', '-c', command] : command,
      ...(env === undefined ? {} : { env }),
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
    });
    if (input !== undefined) {
      process.write(input);
      process.end();
    }
    return process;
  }

  /** What the kernel said since it booted. */
  dmesg(): Promise<string> {
    return this.must('dmesg');
  }

  /** Loads kernel modules, with what they depend on. */
  async load(...modules: readonly string[]): Promise<void> {
    await this.must(['modprobe', '-a', ...modules]);
  }

  /** Writes a file. */
  async write(path: string, text: string): Promise<void> {
    await this.must(['sh', '-c', 'cat > "$0"', path], { input: text });
  }
}
