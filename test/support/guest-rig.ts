import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Subject } from 'rxjs';
import { nodeTimers } from '../../src/base/clock.js';
import { VhostUserExport } from '../../src/export/vhost-user/vhost-user-export.js';
import type { Chip } from '../../src/gpio/chip.js';
import { CoprocessorChip } from '../../src/gpio/coprocessor-chip.js';
import { serveVhostUser } from '../../src/vhost-user/serve.js';
import { encodeGpioRequest, REQUESTQ } from '../../src/wire/virtio-gpio.js';
import { until } from '../contract/packet-link.js';
import { DriverRig, type RigOptions } from '../driver/driver-rig.js';
import type { DriverQueue } from './vhost-user/driver-queue.js';
import type { FrontEnd } from './vhost-user/front-end.js';
import { FrontEndGuest } from './vhost-user/front-end-guest.js';
import type { SharedGuestMemory } from './vhost-user/guest-memory.js';

/** An export of a simulated coprocessor's chip, and a guest in front of it. Time of the coprocessor by hand. */
export class GuestRig {
  readonly folder = mkdtempSync(join(tmpdir(), 'gpiobridge-vm-'));
  readonly socket = join(this.folder, 'vm.sock');
  readonly logs: string[] = [];
  readonly rig: DriverRig;
  chip: Chip | undefined;
  exported!: VhostUserExport;
  front: FrontEnd | undefined;
  guest!: FrontEndGuest;
  /** Of exports that are started from now on. */
  chipMs = 10_000;
  private readonly changes = new Subject<string>();

  constructor(options: RigOptions = {}) {
    this.rig = new DriverRig({
      ...options,
      coprocessor: { lines: 4, names: ['DOOR', 'LAMP', 'BUTTON'], ...options.coprocessor },
    });
    this.startExport();
    this.bootGuest();
  }

  /** The coprocessor answers for the first time: there is a chip. */
  async plugIn(): Promise<void> {
    const remote = await this.rig.up();
    const { time } = this.rig;
    this.chip = new CoprocessorChip({ name: 'hub', remote, clock: time, timers: time, startingMs: 1_000 });
    this.changes.next('hub');
  }

  /** The chip of that name is another one from now on, or none. */
  replaceChip(chip: Chip | undefined): void {
    this.chip = chip;
    this.changes.next('hub');
  }

  startExport(): void {
    this.exported = new VhostUserExport({
      name: 'vm',
      chip: 'hub',
      chips: { get: () => this.chip, changes$: this.changes },
      socket: this.socket,
      stateDir: this.folder,
      time: { ...nodeTimers, ...clockOf(this.rig) },
      retryMs: 20,
      chipMs: this.chipMs,
      open: serveVhostUser,
      log: (level, event, fields) => this.logs.push(`${level} ${event} ${JSON.stringify(fields)}`),
    });
    this.exported.start();
  }

  /** Fresh memory and fresh rings. */
  bootGuest(memory?: SharedGuestMemory): void {
    this.guest?.close();
    this.guest = new FrontEndGuest(this.socket, memory);
  }

  get requests(): DriverQueue {
    return this.guest.requests;
  }

  get events(): DriverQueue {
    return this.guest.events;
  }

  async connect(features?: bigint): Promise<void> {
    await until(() => this.exported.report().state === 'listening');
    this.front = await this.guest.connect([], features);
  }

  /** The connection breaks; the hypervisor is back as QEMU is. */
  async reconnect(): Promise<void> {
    this.front?.close();
    await until(() => this.exported.report().state === 'listening');
    this.front = await this.guest.reconnect();
  }

  request(type: number, line: number, value = 0): number {
    return this.requests.add(encodeGpioRequest(type, line, value), 2);
  }

  /** The answer to a request: status and value. */
  async ask(type: number, line: number, value = 0): Promise<number[]> {
    const head = this.request(type, line, value);
    const [answer] = await this.returned(REQUESTQ);
    if (answer!.head !== head) throw new Error(`buffer ${answer!.head} came before ${head}`);
    return [...answer!.bytes];
  }

  arm(line: number): number {
    return this.events.add(Uint8Array.of(line, 0), 1);
  }

  returned(queue: number, count = 1) {
    return this.guest.returned(queue, count);
  }

  async close(): Promise<void> {
    this.front?.close();
    await this.exported.close();
    await this.rig.settle();
    await this.rig.close();
    this.guest.close();
    rmSync(this.folder, { recursive: true });
  }
}

function clockOf({ time }: DriverRig) {
  return { monotonicNs: time.monotonicNs, realtimeNs: time.realtimeNs, boottimeNs: time.boottimeNs };
}
