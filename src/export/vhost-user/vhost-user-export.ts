import { join } from 'node:path';
import type { Subscription } from 'rxjs';
import type { Time, TimerHandle } from '../../base/clock.js';
import { messageOf } from '../../base/errors.js';
import type { Chip } from '../../gpio/chip.js';
import { processIdentity } from '../../linux/process-identity.js';
import type {
  VhostUserBackend,
  VhostUserOptions,
  VhostUserProblem,
  VhostUserState,
} from '../../vhost-user/backend.js';
import { ChipArrival } from '../chip-arrival.js';
import type { ChipSource } from '../chip-source.js';
import { DescriptionFile, type ToldTo } from './description-file.js';
import { type GuestDescription, GuestDevice, type GuestTotals } from './guest-device.js';

export interface VhostUserExportOptions {
  /** For messages and file names, and in the consumer of lines: `vm:NAME`. */
  readonly name: string;
  /** Name of the chip. */
  readonly chip: string;
  readonly chips: ChipSource;
  /** Where hypervisors connect. */
  readonly socket: string;
  readonly access?: VhostUserOptions['access'];
  /** Folder for what a successor of this process needs to serve a guest on. */
  readonly stateDir: string;
  readonly time: Time;
  /** Time limit `guest_retry`. */
  readonly retryMs: number;
  /** Time limit `guest_chip`. */
  readonly chipMs: number;
  /** Opens the socket; rejects with a BridgeError. */
  readonly open: (options: VhostUserOptions) => Promise<VhostUserBackend>;
  readonly log: (level: 'info' | 'warn' | 'error', event: string, fields: Record<string, unknown>) => void;
  /** Something that {@link VhostUserExport.report} tells has changed. */
  readonly onChange?: () => void;
}

/** An export as it is now. */
export interface ExportReport {
  readonly name: string;
  readonly chip: string;
  readonly socket: string;
  /** `waiting`: for the chip, or for the socket; the others as of {@link VhostUserState}. */
  readonly state: 'waiting' | 'listening' | 'connected' | 'running';
  /** Why it waits, or what went wrong last. */
  readonly reason: string | undefined;
  /** Of the hypervisor. */
  readonly pid: number | undefined;
  /** Negotiated by the guest's driver, as far as the hypervisor tells. */
  readonly features: bigint | undefined;
  /** Lines that the guest sees; 0 before the chip was there. */
  readonly lines: number;
  readonly requestedLines: readonly number[];
  /** Requests of the guest that wait for the coprocessor. */
  readonly waitingRequests: number;
  /** The chip has other lines now than the guest was told of. */
  readonly outdated: boolean;
  /** Why queues were stopped since the guest's driver started, by queue. */
  readonly brokenQueues: ReadonlyMap<number, string>;
  readonly counters: Readonly<Record<string, number>>;
}

/** A device on its socket. */
interface Served {
  readonly device: GuestDevice;
  readonly backend: VhostUserBackend;
}

/**
 * A chip as the GPIO controller of a virtual machine: a vhost-user socket with a virtio-gpio device
 * behind it, served to one hypervisor after the other. The socket is there once the chip has described itself
 * (a guest cannot use a controller without lines), and from then on whatever becomes of the chip. A guest keeps the
 * lines that it was told of; another description is for the next hypervisor that connects.
 */
export class VhostUserExport {
  readonly #options: VhostUserExportOptions;
  readonly #file: DescriptionFile;
  readonly #subscriptions: Subscription[] = [];
  readonly #broken = new Map<number, string>();
  #chipState: Subscription | undefined;
  #arrival: ChipArrival | undefined;
  #served: Served | undefined;
  #past: Readonly<Record<string, number>> = {};
  #toldTo: ToldTo | undefined;
  #opening: Promise<void> | undefined;
  #retry: TimerHandle | undefined;
  #reason: string | undefined;
  #outdated = false;
  #lastKind: VhostUserState['kind'] = 'waiting';
  #closed = false;

  constructor(options: VhostUserExportOptions) {
    this.#options = options;
    this.#file = new DescriptionFile(join(options.stateDir, `${options.name}.json`));
  }

  /** Offers the chip, now or when there is one. */
  start(): void {
    const { chips, chip } = this.#options;
    this.#arrival = new ChipArrival(chips, chip, this.#options.time, this.#options.chipMs);
    const told = this.#file.read();
    this.#toldTo = told?.toldTo;
    if (told !== undefined) this.#serve(told.description);
    this.#subscriptions.push(
      chips.changes$.subscribe((name) => {
        if (name === chip) this.#followChip();
      }),
    );
    this.#followChip();
  }

  /** Whether its socket is there, or waits for nothing that will come by itself at once. */
  get settled(): boolean {
    return this.#opening === undefined;
  }

  report(): ExportReport {
    const { name, chip, socket } = this.#options;
    const served = this.#served;
    const state = served?.backend.state;
    return {
      name,
      chip,
      socket,
      state: served === undefined ? 'waiting' : stateName(state!),
      reason: served === undefined ? this.#whyWaiting() : this.#reason,
      pid: state?.kind === 'connected' || state?.kind === 'running' ? state.peer.pid : undefined,
      features: state?.kind === 'running' ? state.features : undefined,
      lines: served?.device.description.names.length ?? 0,
      requestedLines: served?.device.requestedLines ?? [],
      waitingRequests: served?.device.waitingRequests ?? 0,
      outdated: this.#outdated,
      brokenQueues: new Map(this.#broken),
      counters: this.#counters(),
    };
  }

  /** Ends it: the guest sees its device go. What it has made of its lines is kept for a successor. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const subscription of this.#subscriptions.splice(0)) subscription.unsubscribe();
    this.#chipState?.unsubscribe();
    this.#arrival?.cancel();
    if (this.#retry !== undefined) this.#options.time.clear(this.#retry);
    await this.#opening;
    await this.#end();
  }

  #followChip(): void {
    this.#chipState?.unsubscribe();
    const chip = this.#chip();
    this.#chipState = chip?.state$.subscribe((state) => {
      if (state.kind === 'up') this.#described(chip);
      else this.#options.onChange?.();
    });
    if (chip === undefined) this.#options.onChange?.();
  }

  #chip(): Chip | undefined {
    return this.#options.chips.get(this.#options.chip);
  }

  #described(chip: Chip): void {
    if (chip.lineCount === 0 || this.#closed) return;
    const names = Array.from({ length: chip.lineCount }, (_, line) => chip.lineInfo(line).name ?? '');
    const present = this.#served?.device.description.names;
    if (present === undefined) {
      this.#serve({ names });
      return;
    }
    const outdated = !isSame(present, names);
    if (outdated && this.#guestMayRun()) {
      if (!this.#outdated) {
        this.#log('warn', 'description_changed', {
          message: 'the chip has other lines now: its guest keeps those it knows until it is started again',
        });
      }
      this.#outdated = true;
      this.#tryLater();
    } else if (outdated) {
      this.#replace({ names });
    } else {
      this.#outdated = false;
    }
    this.#options.onChange?.();
  }

  /** Whether a guest knows the present description: its hypervisor is connected, or lives and may be back. */
  #guestMayRun(): boolean {
    const state = this.#served?.backend.state.kind;
    if (state === 'connected' || state === 'running') return true;
    return this.#toldTo !== undefined && processIdentity(this.#toldTo.pid) === this.#toldTo.identity;
  }

  #replace(description: GuestDescription): void {
    if (this.#opening !== undefined) return;
    this.#outdated = false;
    this.#opening = this.#end().then(() => {
      this.#opening = undefined;
      this.#serve(description);
    });
  }

  #serve(description: GuestDescription): void {
    if (this.#opening !== undefined || this.#closed) return;
    this.#opening = this.#open(description)
      .catch((error: unknown) => {
        this.#reason = messageOf(error);
        this.#log('error', 'export_not_served', { error });
        this.#tryLater();
      })
      .finally(() => {
        this.#opening = undefined;
        this.#options.onChange?.();
        // The chip may have described itself otherwise than the last guest was told.
        if (this.#served !== undefined) this.#followChip();
      });
  }

  async #open(description: GuestDescription): Promise<void> {
    const { name, socket, access, stateDir, time, retryMs } = this.#options;
    const device = new GuestDevice({
      description,
      consumer: `vm:${name}`,
      chip: () => this.#chip(),
      arrived: this.#arrival!.settled,
      timers: time,
      nowNs: () => time.monotonicNs(),
      retryMs,
    });
    const backend = await this.#options.open({
      path: socket,
      device,
      recordFile: join(stateDir, `${name}.buffers`),
      ...(access === undefined ? {} : { access }),
    });
    this.#served = { device, backend };
    this.#reason = undefined;
    this.#log('info', 'export_listening', { socket, lines: description.names.length });
    backend.problems$.subscribe((problem) => this.#problem(problem));
    backend.unsealed$.subscribe(({ pid }) =>
      this.#log('warn', 'memory_not_sealed', { pid, message: UNSEALED }),
    );
    backend.state$.subscribe((state) => this.#stateChanged(state));
  }

  async #end(): Promise<void> {
    const served = this.#served;
    if (served === undefined) return;
    await served.backend.close();
    served.device.reset();
    this.#past = this.#counters();
    this.#served = undefined;
  }

  #stateChanged(state: VhostUserState): void {
    const before = this.#lastKind;
    this.#lastKind = state.kind;
    switch (state.kind) {
      case 'waiting':
        if (state.reason === undefined) break;
        this.#reason = state.reason;
        this.#log('info', 'guest_gone', { reason: state.reason });
        if (this.#outdated) this.#tryLater();
        break;
      case 'connected':
        if (before === 'running') {
          this.#log('info', 'guest_stopped', { pid: state.peer.pid });
          break;
        }
        this.#broken.clear();
        this.#reason = undefined;
        this.#told(state.peer.pid);
        this.#log('info', 'hypervisor_connected', { pid: state.peer.pid });
        break;
      case 'running':
        this.#broken.clear();
        this.#log('info', 'guest_running', { pid: state.peer.pid });
        break;
      case 'closed':
        break;
    }
    this.#options.onChange?.();
  }

  /** From now on this hypervisor's guest knows the lines of the present description. */
  #told(pid: number): void {
    const identity = processIdentity(pid);
    this.#toldTo = identity === undefined ? undefined : { pid, identity };
    if (this.#toldTo === undefined) return;
    try {
      this.#file.write(this.#served!.device.description, this.#toldTo);
    } catch (error) {
      this.#log('error', 'description_not_written', { file: this.#file.path, error });
    }
  }

  #problem({ queue, reason }: VhostUserProblem): void {
    this.#reason = reason;
    if (queue !== undefined) this.#broken.set(queue, reason);
    this.#log('warn', queue === undefined ? 'hypervisor_refused' : 'queue_stopped', {
      ...(queue === undefined ? {} : { queue }),
      reason,
    });
    this.#options.onChange?.();
  }

  #tryLater(): void {
    if (this.#retry !== undefined || this.#closed) return;
    const { time, retryMs } = this.#options;
    this.#retry = time.set(() => {
      this.#retry = undefined;
      const chip = this.#chip();
      if (chip?.state.kind === 'up') this.#described(chip);
      else if (this.#served === undefined || this.#outdated) this.#tryLater();
    }, retryMs);
  }

  #whyWaiting(): string {
    if (this.#reason !== undefined) return this.#reason;
    const chip = this.#chip();
    if (chip === undefined) return `there is no chip '${this.#options.chip}' yet`;
    if (chip.lineCount > 0) return 'its socket is being made';
    return chip.state.kind === 'down'
      ? `chip '${chip.name}' has never been up: ${chip.state.reason}`
      : `chip '${chip.name}' has not described its lines yet`;
  }

  #counters(): Readonly<Record<string, number>> {
    const { device, backend } = this.#served ?? {};
    const totals: Readonly<Record<string, number>> = {
      ...(device?.totals ?? NO_TOTALS),
      ...backend?.counters,
    };
    const sum: Record<string, number> = { ...this.#past };
    for (const [name, count] of Object.entries(totals)) sum[name] = (sum[name] ?? 0) + count;
    return sum;
  }

  #log(level: 'info' | 'warn' | 'error', event: string, fields: Record<string, unknown>): void {
    const { name, chip, log } = this.#options;
    log(level, event, { export: name, chip, ...fields });
  }
}

const UNSEALED =
  'the hypervisor can end this process by making the memory shorter that it shares: ' +
  "let it share sealed memory (QEMU: memory-backend-memfd), or trust it, or serve it by a 'gpiobridge export' of its own";

const NO_TOTALS: GuestTotals = {
  requests: 0,
  edges_sensed: 0,
  edges_delivered: 0,
  edges_coalesced: 0,
  edges_discarded: 0,
  edges_lost: 0,
  unknown_losses: 0,
  lines_taken: 0,
};

function stateName(state: VhostUserState): ExportReport['state'] {
  return state.kind === 'waiting' || state.kind === 'closed' ? 'listening' : state.kind;
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, line) => name === b[line]);
}
