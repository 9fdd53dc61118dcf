import { closeSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { VhostUserBackend, VhostUserProblem } from '../../../src/vhost-user/backend.js';
import { serveVhostUser } from '../../../src/vhost-user/serve.js';
import { inflightPayload, REQUEST } from '../../../src/wire/vhost-user.js';
import { DriverQueue } from './driver-queue.js';
import { EchoDevice } from './echo-device.js';
import { FrontEnd, INDIRECT_DESC, VERSION_1 } from './front-end.js';
import { SharedGuestMemory } from './guest-memory.js';

const QUEUE_SIZE = 16;

/** A back end that serves an {@link EchoDevice}, and a guest in front of it. */
export class VhostUserRig {
  readonly folder = mkdtempSync(join(tmpdir(), 'gpiobridge-vu-'));
  readonly path = join(this.folder, 'device.sock');
  readonly recordFile = join(this.folder, 'record');
  readonly problems: VhostUserProblem[] = [];
  device = new EchoDevice();
  backend!: VhostUserBackend;
  front!: FrontEnd;
  memory!: SharedGuestMemory;
  queues: DriverQueue[] = [];

  /** A back end that listens, and a guest that was powered up. */
  static async make(options: { record?: boolean } = {}): Promise<VhostUserRig> {
    const rig = new VhostUserRig();
    await rig.startBackend(options.record ?? false);
    rig.bootGuest();
    return rig;
  }

  async startBackend(record: boolean): Promise<void> {
    this.device = new EchoDevice();
    this.backend = await serveVhostUser({
      path: this.path,
      device: this.device,
      ...(record ? { recordFile: this.recordFile } : {}),
    });
    this.backend.problems$.subscribe((problem) => this.problems.push(problem));
  }

  /** Fresh memory and fresh rings. */
  bootGuest(): void {
    this.forgetGuest();
    this.memory = new SharedGuestMemory();
    this.queues = [0, 1].map((index) => {
      const base = 0x10_0000 + index * 0x1000;
      return new DriverQueue(this.memory, index, QUEUE_SIZE, base, 0x11_0000 + index * 0x8000);
    });
  }

  /** A hypervisor connects, and its guest's driver is ready. */
  async connect(bases: readonly number[] = [], features = VERSION_1 | INDIRECT_DESC | 1n): Promise<void> {
    this.front = new FrontEnd(this.path);
    await this.front.negotiate(features);
    await this.front.setMemory(this.memory);
    if (this.inflight !== undefined) await this.sendInflight(this.inflight);
    await this.front.startQueues(this.queues, bases);
  }

  /** From the next connection on, the front end keeps the record of what is in flight. */
  useInflightMemory(): void {
    this.inflight = {};
  }

  private inflight: { payload?: Uint8Array; fd?: number } | undefined;
  private readonly toClose: number[] = [];

  /** A descriptor that belongs to the test. */
  closeLater(fd: number): void {
    this.toClose.push(fd);
  }

  private async sendInflight(record: { payload?: Uint8Array; fd?: number }): Promise<void> {
    if (record.fd === undefined) {
      const asked = { mmapSize: 0n, mmapOffset: 0n, queueCount: this.queues.length, queueSize: QUEUE_SIZE };
      const answer = await this.front.ask(REQUEST.GET_INFLIGHT_FD, inflightPayload(asked));
      record.payload = answer.payload;
      record.fd = answer.descriptors[0]!;
      this.closeLater(record.fd);
    }
    await this.front.confirm(REQUEST.SET_INFLIGHT_FD, record.payload, [record.fd]);
  }

  async close(): Promise<void> {
    for (const fd of this.toClose) closeSync(fd);
    this.front?.close();
    await this.backend.close();
    this.forgetGuest();
    rmSync(this.folder, { recursive: true });
  }

  private forgetGuest(): void {
    for (const queue of this.queues) queue.close();
    this.memory?.close();
  }
}
