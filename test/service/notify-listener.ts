import { type ChildProcess, spawn } from 'node:child_process';
import { eventually } from '../support/program.js';

/** Node has no Unix datagram sockets: Python plays the service manager, and prints each message as JSON. */
const SCRIPT = `
import json, socket, sys
address = sys.argv[1]
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
sock.bind(chr(0) + address[1:] if address[0] == '@' else address)
print('"listening"', flush=True)
while True:
    message, ancillary, _, _ = sock.recvmsg(65536, 1024)
    pid = int.from_bytes(ancillary[0][2][:4], 'little')
    print(json.dumps([pid, message.decode()]), flush=True)
`;

/** A datagram socket as systemd's, at a path or at `@name`. */
export class NotifyListener {
  /** What came, in order. */
  readonly messages: string[] = [];
  /** The process that the kernel says each came from. */
  readonly senders: number[] = [];
  readonly process: ChildProcess;
  #listening = false;
  #text = '';

  constructor(readonly address: string) {
    this.process = spawn('python3', ['-c', SCRIPT, address], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.process.stdout!.setEncoding('utf8').on('data', (text: string) => this.#take(text));
  }

  async listening(): Promise<this> {
    await eventually(() => this.#listening || undefined, 'python3 listens');
    return this;
  }

  /** Resolves when a message that matches has come, after the first `from`. */
  message(pattern: RegExp, from = 0): Promise<string> {
    return eventually(
      () => this.messages.slice(from).find((message) => pattern.test(message)),
      () => `${pattern} among ${JSON.stringify(this.messages)}`,
    );
  }

  stop(): void {
    this.process.kill('SIGKILL');
  }

  #take(text: string): void {
    this.#text += text;
    const lines = this.#text.split('\n');
    this.#text = lines.pop()!;
    for (const line of lines) {
      const entry = JSON.parse(line) as 'listening' | [number, string];
      if (entry === 'listening') this.#listening = true;
      else {
        this.senders.push(entry[0]);
        this.messages.push(entry[1]);
      }
    }
  }
}
