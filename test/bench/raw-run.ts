import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { eventually, temporaryDirectory } from '../support/program.js';

const RAW_COPY = fileURLToPath(new URL('./raw-copy.js', import.meta.url));
/** A yardstick may run for seconds before it prints its result. */
const LIMIT_MS = 60_000;

/** One process of a yardstick, which prints a line for each thing that it has to say. */
export class RawProcess {
  private text = '';
  private read = 0;

  constructor(private readonly process: ChildProcess) {
    process.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.text += text;
    });
  }

  get pid(): number {
    return this.process.pid!;
  }

  /** The next line it prints. */
  async line(): Promise<string> {
    const end = await eventually(
      () => {
        const at = this.text.indexOf('\n', this.read);
        return at < 0 ? undefined : at;
      },
      'a line of a yardstick',
      LIMIT_MS,
    );
    const line = this.text.slice(this.read, end);
    this.read = end + 1;
    return line;
  }

  /** Reads lines up to this one. */
  async waitFor(wanted: string): Promise<void> {
    while ((await this.line()) !== wanted);
  }

  /** Asks for a line. */
  ask(): Promise<string> {
    this.process.stdin!.write('\n');
    return this.line();
  }

  kill(): void {
    this.process.kill();
  }
}

/** Processes of a yardstick, each of which prints a line when it is ready. */
export class RawProcesses {
  readonly directory = temporaryDirectory();
  private readonly processes: RawProcess[] = [];

  constructor(private readonly script: string) {}

  /** Starts one; resolves when it has printed its first line. */
  async start(...args: readonly string[]): Promise<RawProcess & { readonly first: string }> {
    const child = spawn(process.execPath, [this.script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    const started = new RawProcess(child);
    this.processes.push(started);
    return Object.assign(started, { first: await started.line() });
  }

  stop(): void {
    for (const child of this.processes) child.kill();
    this.directory.remove();
  }
}

/** Bytes a second that the same three processes merely copy, in writes of `blockSize` bytes. */
export async function rawCopyRate(blockSize: number, seconds: number): Promise<number> {
  const raw = new RawProcesses(RAW_COPY);
  const { directory } = raw;
  try {
    await raw.start('source', directory.join('a'), String(blockSize), String(seconds));
    await raw.start('relay', directory.join('a'), directory.join('b'));
    const { first } = await raw.start('sink', directory.join('b'));
    const { bytes, seconds: took } = JSON.parse(first) as { bytes: number; seconds: number };
    return bytes / took;
  } finally {
    raw.stop();
  }
}
