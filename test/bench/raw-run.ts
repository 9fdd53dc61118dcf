import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from '../support/program.js';

const RAW_COPY = fileURLToPath(new URL('./raw-copy.js', import.meta.url));

/** Processes of a yardstick, each of which prints a line when it is ready. */
export class RawProcesses {
  readonly directory = temporaryDirectory();
  private readonly processes: ChildProcess[] = [];

  constructor(private readonly script: string) {}

  /** Starts one; resolves with the first line it prints. */
  async start(...args: readonly string[]): Promise<string> {
    const child = spawn(process.execPath, [this.script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.processes.push(child);
    child.stdout!.setEncoding('utf8');
    let text = '';
    while (!text.includes('\n')) text += (await once(child.stdout!, 'data'))[0] as string;
    return text.slice(0, text.indexOf('\n'));
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
    const result = await raw.start('sink', directory.join('b'));
    const { bytes, seconds: took } = JSON.parse(result) as { bytes: number; seconds: number };
    return bytes / took;
  } finally {
    raw.stop();
  }
}
