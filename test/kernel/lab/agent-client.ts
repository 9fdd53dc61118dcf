import type { Socket } from 'node:net';
import { constants } from 'node:os';
import { StringDecoder } from 'node:string_decoder';

/** What the agent (test/kernel/programs/guest-agent.c, which has the frames) starts. */
export interface CommandStart {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly gid?: number;
}

/** What comes of a command. */
export interface AgentMessage {
  readonly stdout?: string;
  readonly stderr?: string;
  /** Exit status, or the signal that ended it; nothing comes after that. */
  readonly status?: number | NodeJS.Signals;
}

export type AgentListener = (message: AgentMessage) => void;

interface Listening {
  readonly tell: AgentListener;
  readonly stdout: StringDecoder;
  readonly stderr: StringDecoder;
}

/** Of a frame: its length, which does not count these bytes, the command's number, and the letter. */
const LENGTH_BYTES = 4;
const HEAD_BYTES = 5;

/** The test's end of the channel to the guest's agent. */
export class AgentClient {
  private readonly listeners = new Map<number, Listening>();
  private lastId = 0;
  private unread: Buffer = Buffer.alloc(0);

  constructor(
    private readonly socket: Socket,
    private readonly onReady: () => void,
  ) {
    // The guest ends when and how it likes: the machine tells how.
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => this.takeBytes(bytes));
  }

  /** Starts a command; what comes of it goes to the listener. */
  start({ argv, env = {}, uid = 0, gid = 0 }: CommandStart, tell: AgentListener): number {
    const id = ++this.lastId;
    this.listeners.set(id, { tell, stdout: new StringDecoder(), stderr: new StringDecoder() });
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const words = [...argv, ...variables].map((word) => `${word}\0`).join('');
    this.send(id, 'S', Buffer.concat([numbers(uid, gid, argv.length), Buffer.from(words)]));
    return id;
  }

  write(id: number, input: string): void {
    this.send(id, 'I', Buffer.from(input));
  }

  end(id: number): void {
    this.send(id, 'E', Buffer.alloc(0));
  }

  signal(id: number, signal: NodeJS.Signals): void {
    this.send(id, 'K', numbers(constants.signals[signal]));
  }

  private send(id: number, kind: string, payload: Buffer): void {
    const head = numbers(HEAD_BYTES + payload.length, id);
    this.socket.write(Buffer.concat([head, Buffer.from(kind), payload]));
  }

  private takeBytes(bytes: Buffer): void {
    this.unread = Buffer.concat([this.unread, bytes]);
    while (this.unread.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + this.unread.readUInt32LE(0);
      if (this.unread.length < end) return;
      this.take(this.unread.subarray(LENGTH_BYTES, end));
      this.unread = this.unread.subarray(end);
    }
  }

  private take(frame: Buffer): void {
    const id = frame.readUInt32LE(0);
    const kind = String.fromCharCode(frame[HEAD_BYTES - 1]!);
    const payload = frame.subarray(HEAD_BYTES);
    if (kind === 'R') this.onReady();
    const listening = this.listeners.get(id);
    if (listening === undefined) return;
    const { tell, stdout, stderr } = listening;
    if (kind === 'O') tell({ stdout: stdout.write(payload) });
    else if (kind === 'T') tell({ stderr: stderr.write(payload) });
    else if (kind === 'X') {
      this.listeners.delete(id);
      tell({ stdout: stdout.end(), stderr: stderr.end(), status: statusOf(payload.readInt32LE(0)) });
    }
  }
}

function numbers(...values: readonly number[]): Buffer {
  return Buffer.from(Uint32Array.from(values).buffer);
}

function statusOf(told: number): number | NodeJS.Signals {
  if (told >= 0) return told;
  const signal = Object.entries(constants.signals).find(([, number]) => number === -told);
  return (signal?.[0] ?? -told) as NodeJS.Signals;
}
