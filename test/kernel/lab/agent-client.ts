import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** What the agent of test/kernel/guest/agent.mjs starts. */
export interface CommandStart {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly gid?: number;
}

/** What comes from it. */
export interface AgentMessage {
  readonly ready?: true;
  readonly id?: number;
  readonly stdout?: string;
  readonly stderr?: string;
  /** Exit status; null where a signal ended the command. */
  readonly status?: number | null;
  readonly signal?: NodeJS.Signals | null;
  /** Why the command could not be started. */
  readonly failed?: string;
}

export type AgentListener = (message: AgentMessage) => void;

/** The test's end of the channel to the guest's agent. */
export class AgentClient {
  private readonly listeners = new Map<number, AgentListener>();
  private lastId = 0;

  constructor(
    private readonly socket: Socket,
    private readonly onReady: () => void,
  ) {
    // The guest ends when and how it likes: the machine tells how.
    socket.on('error', () => {});
    createInterface({ input: socket }).on('line', (line) => this.take(JSON.parse(line) as AgentMessage));
  }

  /** Starts a command; what comes of it goes to the listener. */
  start(command: CommandStart, listener: AgentListener): number {
    this.lastId += 1;
    this.listeners.set(this.lastId, listener);
    this.send({ id: this.lastId, start: command });
    return this.lastId;
  }

  write(id: number, input: string): void {
    this.send({ id, input });
  }

  end(id: number): void {
    this.send({ id, end: true });
  }

  signal(id: number, signal: NodeJS.Signals): void {
    this.send({ id, signal });
  }

  private send(message: object): void {
    this.socket.write(`${JSON.stringify(message)}\n`);
  }

  private take(message: AgentMessage): void {
    if (message.ready === true) this.onReady();
    if (message.id === undefined) return;
    this.listeners.get(message.id)?.(message);
    if (message.status !== undefined) this.listeners.delete(message.id);
  }
}
