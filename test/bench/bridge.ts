import { writeFileSync } from 'node:fs';
import type { SimulatedDialect } from '../../firmware-sim/index.js';
import { connect } from '../../src/api/client/connect.js';
import type { BridgeClient, ChipClient } from '../../src/api/client/types.js';
import { eventually, Program, temporaryDirectory } from '../support/program.js';

const UP_MS = 20_000;

/** A daemon as a process, on a port that the caller serves. */
export class Bridge {
  readonly directory = temporaryDirectory();
  readonly port = this.directory.join('port');
  readonly runtimeDir = this.directory.join('run');
  daemon: Program | undefined;
  private client: BridgeClient | undefined;

  /** Starts the daemon; resolves when its chip is up. `lines`: for dialects that do not describe them. */
  async start(link: string, dialect: SimulatedDialect, lines: number): Promise<ChipClient> {
    const file = this.directory.join('config.toml');
    const ngpio = dialect === 'virtio-msg' ? '' : `ngpio = ${lines}\n`;
    writeFileSync(file, `[[coprocessor]]\nname = "hub"\nlink = "${link}"\ndialect = "${dialect}"\n${ngpio}`);
    this.daemon = new Program(['daemon', '--runtime-dir', this.runtimeDir, '--config', file]);
    return this.chip();
  }

  get pid(): number {
    return this.daemon!.process.pid!;
  }

  /** The chip, once it is up; another connection each time. */
  async chip(): Promise<ChipClient> {
    return eventually(
      async () => {
        this.client ??= await connect({ runtimeDir: this.runtimeDir }).catch(() => undefined);
        const [name] = (await this.client?.chips()) ?? [];
        if (name === undefined) return undefined;
        const chip = await this.client!.openChip(name).catch(() => undefined);
        if (chip === undefined || (await chip.info()).state.kind === 'up') return chip;
        chip.close();
        return undefined;
      },
      () => `a chip to be up\n${this.daemon?.stderr}`,
      UP_MS,
    );
  }

  /** Follows lines, and counts their edges. */
  async monitor(offsets: readonly number[]): Promise<{ edges: number; lost: number }> {
    const chip = await this.chip();
    const config = { direction: 'input', edges: 'both', activeLow: false, eventClock: 'monotonic' } as const;
    const request = await chip.requestLines({ consumer: 'bench', offsets, config });
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
