import type { Observable, Subscription } from 'rxjs';
import type { ApiServer } from '../api/server/api-server.js';
import type { SocketAccess } from '../api/server/socket.js';
import type { Time } from '../base/clock.js';
import type { RemoteGpio } from '../driver/remote-gpio.js';
import type { ChipDirectory } from '../gpio/chip-directory.js';
import { CoprocessorChip } from '../gpio/coprocessor-chip.js';
import type { CoprocessorConfig, LogLevel } from './config/config.js';
import type { LogFields } from './log/line-format.js';

export interface ChipSetOptions {
  readonly config: CoprocessorConfig;
  readonly access: SocketAccess;
  readonly api: ApiServer;
  /** Where synthetic chips find the chips of coprocessors. */
  readonly directory: ChipDirectory;
  readonly time: Time;
  readonly log: (level: LogLevel, event: string, fields?: LogFields, cause?: string) => void;
  readonly controllers$: Observable<ReadonlyMap<number, RemoteGpio>>;
  /** The chips that are served are others now. */
  readonly onChange: () => void;
}

/** A chip on its socket. */
export interface ServedChip {
  readonly chip: CoprocessorChip;
  readonly remote: RemoteGpio;
}

/**
 * The chips of one coprocessor, as its controllers come and go. One controller's chip has the
 * coprocessor's name; with several, each has the device number behind it, and keeps that name.
 */
export class ChipSet {
  readonly #options: ChipSetOptions;
  readonly #served = new Map<RemoteGpio, ServedChip>();
  readonly #subscription: Subscription;
  /** Sockets are made and removed one after the other. */
  #changes: Promise<void> = Promise.resolve();
  #several = false;
  #pending = 0;
  #closed = false;

  constructor(options: ChipSetOptions) {
    this.#options = options;
    this.#subscription = options.controllers$.subscribe((controllers) => {
      this.#pending++;
      this.#changes = this.#changes.then(() => this.#follow(controllers)).then(() => this.#settle());
    });
  }

  get served(): readonly ServedChip[] {
    return [...this.#served.values()];
  }

  /** Whether every controller that was announced so far has its chip, or was found to have none. */
  get settled(): boolean {
    return this.#pending === 0;
  }

  get names(): readonly string[] {
    return this.served.map(({ chip }) => chip.name);
  }

  /** Resolves when every chip is gone and its lines were given back. */
  async close(reason: string): Promise<void> {
    this.#closed = true;
    this.#subscription.unsubscribe();
    await this.#changes;
    await Promise.all(this.served.map((served) => this.#remove(served, reason)));
  }

  async #follow(controllers: ReadonlyMap<number, RemoteGpio>): Promise<void> {
    if (this.#closed) return;
    this.#several ||= controllers.size > 1;
    const wanted = new Map([...controllers].map(([number, remote]) => [remote, this.#nameOf(number)]));
    for (const served of this.served) {
      const name = wanted.get(served.remote);
      if (name === served.chip.name) wanted.delete(served.remote);
      else
        await this.#remove(
          served,
          name === undefined ? 'the coprocessor removed it' : `its name is now '${name}'`,
        );
    }
    for (const [remote, name] of wanted) await this.#add(remote, name);
  }

  #settle(): void {
    this.#pending--;
    this.#options.onChange();
  }

  #nameOf(deviceNumber: number): string {
    const { name } = this.#options.config;
    return this.#several ? `${name}.${deviceNumber}` : name;
  }

  async #add(remote: RemoteGpio, name: string): Promise<void> {
    const { api, directory, access, config, time, log } = this.#options;
    const chip = new CoprocessorChip({
      name,
      remote,
      clock: time,
      timers: time,
      startingMs: config.timeouts.request,
      onRestart: config.onRestart,
      ...(config.label === undefined ? {} : { label: config.label }),
    });
    // Before anybody can ask for its lines: those of synthetic chips are taken.
    directory.add(chip);
    try {
      await api.addChip(chip, access);
      this.#served.set(remote, { chip, remote });
      log('info', 'chip_added', { chip: name, label: chip.label, lines: chip.lineCount }, name);
    } catch (error) {
      chip.close('it could not be served');
      directory.remove(chip);
      log('error', 'chip_not_served', { chip: name, error }, name);
    }
  }

  async #remove({ chip, remote }: ServedChip, reason: string): Promise<void> {
    this.#served.delete(remote);
    await this.#options.api.removeChip(chip.name, `chip '${chip.name}': ${reason}`);
    chip.close(reason);
    this.#options.directory.remove(chip);
    this.#options.log('info', 'chip_removed', { chip: chip.name, reason }, chip.name);
  }
}
