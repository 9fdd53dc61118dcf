import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Subject } from 'rxjs';
import { nodeTimers } from '../../src/base/clock.js';
import { VhostUserExport } from '../../src/export/vhost-user/vhost-user-export.js';
import type { Chip } from '../../src/gpio/chip.js';
import { CoprocessorChip } from '../../src/gpio/coprocessor-chip.js';
import { serveVhostUser } from '../../src/vhost-user/serve.js';
import { EVENTQ, encodeGpioRequest, REQUESTQ } from '../../src/wire/virtio-gpio.js';
import { until } from '../contract/packet-link.js';
import { DriverRig, type RigOptions } from '../driver/driver-rig.js';
import { DriverQueue } from './vhost-user/driver-queue.js';
import { FrontEnd, INDIRECT_DESC, VERSION_1 } from './vhost-user/front-end.js';
import { SharedGuestMemory } from './vhost-user/guest-memory.js';

const QUEUE_SIZE = 64;

/** An export of a simulated coprocessor's chip, and a guest in front of it. Time of the coprocessor by hand. */
export class GuestRig {
  readonly folder = mkdtempSync(join(tmpdir(), 'gpiobridge-vm-'));
  readonly socket = join(this.folder, 'vm.sock');
  readonly logs: string[] = [];
  readonly rig: DriverRig;
  chip: Chip | undefined;
  exported!: VhostUserExport;
  front: FrontEnd | undefined;
  memory!: SharedGuestMemory;
  requests!: DriverQueue;
  events!: DriverQueue;
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
      open: serveVhostUser,
      log: (level, event, fields) => this.logs.push(`${level} ${event} ${JSON.stringify(fields)}`),
    });
    this.exported.start();
  }

  /** Fresh memory and fresh rings. */
  bootGuest(): void {
    this.forgetGuest();
    this.memory = new SharedGuestMemory();
    [this.requests, this.events] = [0, 1].map(
      (index) =>
        new DriverQueue(
          this.memory,
          index,
          QUEUE_SIZE,
          0x10_0000 + index * 0x2000,
          0x11_0000 + index * 0x8000,
        ),
    ) as [DriverQueue, DriverQueue];
  }

  /** A hypervisor connects and its guest's driver starts its queues, as QEMU 7.2 tells of it: without F_IRQ. */
  async connect(bases: readonly number[] = []): Promise<void> {
    await until(() => this.exported.report().state === 'listening');
    this.front = new FrontEnd(this.socket);
    await this.front.negotiate(VERSION_1 | INDIRECT_DESC);
    await this.front.setMemory(this.memory);
    await this.front.startQueues([this.requests, this.events], bases);
  }

  /** The connection breaks; the hypervisor is back as QEMU is: it starts from what was used. */
  async reconnect(): Promise<void> {
    this.front?.close();
    await until(() => this.exported.report().state === 'listening');
    const used = (queue: DriverQueue) => this.memory.view(queue.usedAt, 4).getUint16(2, true);
    await this.connect([used(this.requests), used(this.events)]);
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

  /** Waits for the next buffers that come back on a queue. */
  async returned(queue: number, count = 1) {
    const ring = queue === EVENTQ ? this.events : this.requests;
    const found = ring.used();
    await until(() => {
      found.push(...ring.used());
      return found.length >= count;
    });
    return found;
  }

  async close(): Promise<void> {
    this.front?.close();
    await this.exported.close();
    await this.rig.settle();
    await this.rig.close();
    this.forgetGuest();
    rmSync(this.folder, { recursive: true });
  }

  private forgetGuest(): void {
    for (const queue of [this.requests, this.events]) queue?.close();
    this.memory?.close();
  }
}

function clockOf({ time }: DriverRig) {
  return { monotonicNs: time.monotonicNs, realtimeNs: time.realtimeNs, boottimeNs: time.boottimeNs };
}
