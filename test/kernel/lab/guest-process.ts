import type { AgentClient, AgentMessage, CommandStart } from './agent-client.js';
import type { Machine } from './machine.js';
import { TextLog } from './text-log.js';

/** A step of a command. An emulated guest on a busy machine may take long, and whoever waits no longer says why. */
const STEP_MS = 180_000;

/** What a command came to. */
export interface Outcome {
  /** The exit status, or the name of the signal that ended it. */
  readonly status: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs in the guest. */
export class GuestProcess {
  private readonly output = new TextLog();
  private readonly errors = new TextLog();
  private readonly news = new TextLog();
  private readonly id: number;
  private status: number | string | undefined;

  constructor(
    private readonly machine: Machine,
    private readonly agent: AgentClient,
    private readonly command: CommandStart,
  ) {
    this.id = agent.start(command, (message) => this.take(message));
  }

  get stdout(): string {
    return this.output.text;
  }

  get stderr(): string {
    return this.errors.text;
  }

  /** Resolves when something that was printed matches; rejects at the limit, and when the command ends first. */
  waitFor(pattern: RegExp, limitMs = STEP_MS): Promise<RegExpMatchArray> {
    const found = (): RegExpMatchArray | undefined => {
      const match = this.stdout.match(pattern) ?? this.stderr.match(pattern) ?? undefined;
      if (match === undefined && this.status !== undefined)
        throw new Error(this.describe(`to print ${pattern}`));
      return match;
    };
    return this.until(found, limitMs, `to print ${pattern}`);
  }

  /** Resolves when so many characters were printed; rejects as {@link waitFor}. */
  printed(length: number, limitMs = STEP_MS): Promise<true> {
    const what = `to print ${length} characters`;
    const found = (): true | undefined => {
      if (this.stdout.length >= length) return true;
      if (this.status !== undefined) throw new Error(this.describe(what));
      return undefined;
    };
    return this.until(found, limitMs, what);
  }

  /** Waits for its end. */
  async exit(limitMs = STEP_MS): Promise<Outcome> {
    const status = await this.until(() => this.status, limitMs, 'to end');
    return { status, stdout: this.stdout, stderr: this.stderr };
  }

  /** Sends a signal to it and to all that it started. */
  kill(signal: NodeJS.Signals = 'SIGTERM'): void {
    this.agent.signal(this.id, signal);
  }

  /** Sends a signal and waits for the end. */
  stop(signal: NodeJS.Signals = 'SIGTERM', limitMs = STEP_MS): Promise<Outcome> {
    this.kill(signal);
    return this.exit(limitMs);
  }

  write(input: string): void {
    this.agent.write(this.id, input);
  }

  /** Ends its standard input. */
  end(): void {
    this.agent.end(this.id);
  }

  private take({ stdout = '', stderr = '', status }: AgentMessage): void {
    this.output.append(stdout);
    this.errors.append(stderr);
    if (status !== undefined) this.status = status;
    this.news.notify();
  }

  private async until<T>(found: () => T | undefined, limitMs: number, what: string): Promise<T> {
    const check = (): T | undefined => {
      const result = found();
      if (result === undefined) this.machine.mustRun();
      return result;
    };
    const describe = (): string => this.machine.describe(this.describe(what));
    const forget = this.machine.onEnd(() => this.news.notify());
    return this.news.until(check, limitMs, describe).finally(forget);
  }

  private describe(what: string): string {
    const state = this.status === undefined ? 'still runs' : `ended with ${this.status}`;
    return `waited for "${this.command.argv.join(' ')}" ${what}: it ${state}\nstdout: ${this.stdout}\nstderr: ${this.stderr}`;
  }
}
