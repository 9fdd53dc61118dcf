import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { TextLog } from './text-log.js';

const LIMIT_MS = 60_000;

interface QmpMessage {
  readonly QMP?: object;
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
  readonly event?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** QEMU's machine protocol, as far as devices are plugged and unplugged; one command at a time. */
export class Qmp {
  private readonly news = new TextLog();
  private readonly events: QmpMessage[] = [];
  private answers: QmpMessage[] = [];

  private constructor(private readonly socket: Socket) {
    socket.on('error', () => {});
    createInterface({ input: socket }).on('line', (line) => this.take(JSON.parse(line) as QmpMessage));
  }

  static async connect(path: string): Promise<Qmp> {
    const socket = connect(path);
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    const qmp = new Qmp(socket);
    await qmp.execute('qmp_capabilities');
    return qmp;
  }

  /** Sends a command and returns the answer; rejects with QEMU's words. */
  async execute(command: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    this.answers = [];
    this.socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    const answer = await this.news.until(
      () => this.answers[0],
      LIMIT_MS,
      () => `answer to ${command}`,
    );
    if (answer.error !== undefined) throw new Error(`QEMU refuses ${command}: ${answer.error.desc}`);
    return answer.return;
  }

  /** Waits for an event about a device, and forgets it. */
  async deviceEvent(name: string, device: string): Promise<void> {
    const found = (): number | undefined => {
      const index = this.events.findIndex((event) => event.event === name && event.data?.device === device);
      return index < 0 ? undefined : index;
    };
    const index = await this.news.until(found, LIMIT_MS, () => `${name} of ${device}`);
    this.events.splice(index, 1);
  }

  close(): void {
    this.socket.destroy();
  }

  private take(message: QmpMessage): void {
    if (message.event !== undefined) this.events.push(message);
    else if (message.QMP === undefined) this.answers.push(message);
    this.news.notify();
  }
}
