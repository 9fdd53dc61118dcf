import { writeFileSync } from 'node:fs';
import type { SimulatedDialect } from '../../firmware-sim/index.js';
import type { BridgeClient, ChipClient } from '../../src/api/client/types.js';
import { firstChip } from '../support/first-chip.js';
import { Program, temporaryDirectory } from '../support/program.js';

/** A daemon as a process, on a port that the caller serves. */
export class Bridge {
  readonly directory = temporaryDirectory();
  readonly port = this.directory.join('port');
  readonly runtimeDir = this.directory.join('run');
  daemon: Program | undefined;
  private client: BridgeClient | undefined;
  private chip: ChipClient | undefined;

  /** Starts the daemon; resolves when its chip is up. `lines`: for dialects that do not describe them. */
  async start(link: string, dialect: SimulatedDialect, lines: number): Promise<void> {
    const file = this.directory.join('config.toml');
    const ngpio = dialect === 'virtio-msg' ? '' : `ngpio = ${lines}\n`;
    writeFileSync(file, `[[coprocessor]]\nname = "hub"\nlink = "${link}"\ndialect = "${dialect}"\n${ngpio}`);
    this.daemon = new Program(['daemon', '--runtime-dir', this.runtimeDir, '--config', file]);
    const up = await firstChip(this.runtimeDir, () => `a chip to be up\n${this.daemon?.stderr}`);
    this.client = up.client;
    this.chip = up.chip;
  }

  get pid(): number {
    return this.daemon!.process.pid!;
  }

  /** Follows lines, and counts their edges. */
  async monitor(offsets: readonly number[]): Promise<{ edges: number; lost: number }> {
    const config = { direction: 'input', edges: 'both', activeLow: false, eventClock: 'monotonic' } as const;
    const request = await this.chip!.requestLines({ consumer: 'bench', offsets, config });
    const counted = { edges: 0, lost: 0 };
    void (async () => {
      for await (const events of request.events()) {
        for (const event of events) {
          if (event.type === 'edge') counted.edges++;
          if (event.type === 'edge' || event.type === 'gap') counted.lost += event.lost ?? 0;
        }
      }
    })().catch(() => {});
    return counted;
  }

  async linkCounters(): Promise<{ received: number; sent: number; atMs: number }> {
    const { coprocessors } = await this.client!.status();
    const { bytes_received: received = 0, bytes_sent: sent = 0 } = coprocessors[0]!.linkCounters;
    return { received, sent, atMs: performance.now() };
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  async stop(): Promise<void> {
    this.client?.close();
    await this.daemon?.stop('SIGKILL');
    this.directory.remove();
  }
}
