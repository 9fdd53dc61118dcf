import { EventFd } from '../linux/event-fd.js';
import { ReadableWatch } from '../linux/readable-watch.js';
import type { VringAddresses } from '../wire/vhost-user.js';
import type { BackendCounters } from './counters.js';
import type { InflightQueue } from './inflight/inflight-queue.js';
import type { GuestMemory } from './memory/guest-memory.js';
import { DescriptorChain } from './ring/descriptor-chain.js';
import { HeldBuffers } from './ring/held-buffers.js';
import { SplitRing } from './ring/split-ring.js';

/** Buffers taken in one turn; then others have theirs. */
const TURN = 256;

/** What a queue tells of. */
export interface VringEvents {
  /** A buffer, as of VhostUserDevice.bufferAvailable. */
  available(index: number, head: number, writable: number, bytes: Uint8Array, length: number): void;
  /** The guest broke the queue, which stopped. */
  broken(index: number, reason: string): void;
}

/** All that lives while a ring runs. */
interface RunningRing {
  ring: SplitRing;
  memory: GuestMemory;
  chain: DescriptorChain;
  readonly indirect: boolean;
  readonly held: HeldBuffers;
  readonly inflight: InflightQueue;
  /** Buffers taken, and returned, since the beginning of the ring, modulo 2^16. */
  taken: number;
  returned: number;
}

/**
 * One queue of the device, from the front end's descriptors and addresses to buffers that come and go.
 * The session says when it starts and stops.
 */
export class Vring {
  size = 0;
  base = 0;
  addresses: VringAddresses | undefined;
  enabled = false;
  private kick: EventFd | undefined;
  private kickWatch: ReadableWatch | undefined;
  private call: EventFd | undefined;
  private error: EventFd | undefined;
  private running: RunningRing | undefined;
  private isBroken = false;
  private draining = false;
  private moreLater: NodeJS.Immediate | undefined;
  private callWanted = false;
  private callScheduled = false;

  constructor(
    readonly index: number,
    private readonly events: VringEvents,
    private readonly counters: BackendCounters,
  ) {}

  /** Whether the front end said all that is needed to start. */
  get isConfigured(): boolean {
    return this.size > 0 && this.addresses !== undefined && this.kick !== undefined;
  }

  get isRunning(): boolean {
    return this.running !== undefined;
  }

  /** Takes over a descriptor that says when buffers are available. Throws a SystemCallError. */
  setKick(fd: number): void {
    this.dropKick();
    this.kick = EventFd.adopt(fd);
    this.kickWatch = new ReadableWatch(fd, () => this.kicked());
    this.kickWatch.pause();
  }

  /** Takes over the descriptor that interrupts the guest; undefined: it polls. Throws a SystemCallError. */
  setCall(fd: number | undefined): void {
    this.call?.close();
    this.call = fd === undefined ? undefined : EventFd.adopt(fd);
    if (this.callWanted) this.flushCall();
  }

  setError(fd: number | undefined): void {
    this.error?.close();
    this.error = fd === undefined ? undefined : EventFd.adopt(fd);
  }

  /** Starts at `taken`: what the device took and did not return is in `inflight`. Throws a ProtocolViolation. */
  start(
    ring: SplitRing,
    memory: GuestMemory,
    inflight: InflightQueue,
    taken: number,
    indirect: boolean,
  ): void {
    this.isBroken = false;
    this.running = {
      ring,
      memory,
      chain: new DescriptorChain(memory, ring.size, indirect),
      indirect,
      held: new HeldBuffers(ring.size),
      inflight,
      taken,
      returned: ring.usedIndex(),
    };
    // A process of before may have died between returning a buffer and saying so. A guest that was never
    // returned any is left alone: Linux complains of interrupts for nothing.
    this.callWanted = this.running.returned !== 0 || taken !== 0;
  }

  /** Offers buffers that were taken before this start again. */
  offerAgain(heads: readonly number[]): void {
    for (const head of heads) {
      if (this.running === undefined || this.isBroken) return;
      this.offer(this.running, head);
    }
  }

  /** Watches for buffers, and takes those that wait. */
  enable(): void {
    this.enabled = true;
    if (this.running === undefined || this.isBroken) return;
    this.kickWatch?.resume();
    this.drain();
  }

  disable(): void {
    this.enabled = false;
    this.kickWatch?.pause();
    this.cancelLater();
  }

  /** Lets go of guest memory, until {@link remap} or {@link stop}. */
  unmap(): void {
    this.running?.ring.drop();
  }

  /** The guest's memory moved: the same ring in another mapping. Throws a ProtocolViolation. */
  remap(memory: GuestMemory): void {
    const { running } = this;
    if (running === undefined) return;
    running.ring = new SplitRing(memory, this.addresses!, this.size);
    running.memory = memory;
    running.chain = new DescriptorChain(memory, this.size, running.indirect);
  }

  /** Stops, forgetting nothing that is recorded; returns how many buffers were taken. */
  stop(): number {
    const { running } = this;
    if (running === undefined) return this.base;
    this.flushCall();
    this.disable();
    running.ring.drop();
    this.running = undefined;
    this.dropKick();
    this.base = running.taken;
    return running.taken;
  }

  /** Returns a buffer. One that is not held is ignored. */
  returnBuffer(head: number, bytes: Uint8Array): void {
    const { running } = this;
    if (running === undefined || this.isBroken || !running.inflight.has(head)) {
      this.counters.returns_ignored++;
      return;
    }
    const { ring, held, inflight } = running;
    const length = Math.min(bytes.length, held.writableLength(head));
    if (!held.write(running.memory, head, bytes, length)) {
      this.fail('a buffer lost its memory before it was returned');
      return;
    }
    ring.putUsed(running.returned, head, length);
    inflight.beforeReturn(head);
    running.returned = (running.returned + 1) & 0xffff;
    ring.publish(running.returned);
    inflight.afterReturn(head, running.returned);
    this.counters.buffers_returned++;
    this.wantCall();
  }

  /** Closes all descriptors. */
  close(): void {
    this.stop();
    this.dropKick();
    this.setCall(undefined);
    this.setError(undefined);
  }

  private kicked(): void {
    if (this.kick?.clear() === false) {
      this.kickWatch?.pause();
      this.fail('the kick descriptor is at its end');
      return;
    }
    this.counters.kicks++;
    this.drain();
  }

  private readonly drain = (): void => {
    const { running } = this;
    this.moreLater = undefined;
    if (running === undefined || this.isBroken || !this.enabled || this.draining) return;
    this.draining = true;
    const more = this.takeSome(running);
    this.draining = false;
    this.flushCall();
    if (more && this.running === running && this.enabled) this.moreLater ??= setImmediate(this.drain);
  };

  /** Takes up to a turn's buffers; true when there are more. */
  private takeSome(running: RunningRing): boolean {
    for (let count = 0; count < TURN; count++) {
      const waiting = (running.ring.availableIndex() - running.taken) & 0xffff;
      if (waiting === 0) return false;
      if (waiting > this.size) {
        this.fail(`${waiting} buffers are said to be available, of ${this.size}`);
        return false;
      }
      const head = running.ring.headAt(running.taken);
      if (head >= this.size || running.inflight.has(head)) {
        const what = head >= this.size ? 'does not exist' : 'is offered while the device holds it';
        this.fail(`descriptor ${head} ${what}`);
        return false;
      }
      running.inflight.take(head);
      running.taken = (running.taken + 1) & 0xffff;
      this.offer(running, head);
      if (this.running !== running || this.isBroken || !this.enabled) return false;
    }
    return true;
  }

  private offer(running: RunningRing, head: number): void {
    const { chain } = running;
    const wrong = chain.read(running.ring.descriptors, head);
    if (wrong !== undefined) {
      this.fail(wrong);
      return;
    }
    running.held.keep(head, chain);
    this.counters.buffers_taken++;
    this.events.available(this.index, head, chain.writableLength, chain.readable, chain.readableLength);
  }

  private fail(reason: string): void {
    if (this.isBroken) return;
    this.isBroken = true;
    this.kickWatch?.pause();
    this.cancelLater();
    this.counters.queues_broken++;
    this.error?.signal();
    this.events.broken(this.index, reason);
  }

  /** One interrupt for all that is returned in one turn. */
  private wantCall(): void {
    this.callWanted = true;
    if (this.draining || this.callScheduled) return;
    this.callScheduled = true;
    queueMicrotask(this.flushCall);
  }

  private readonly flushCall = (): void => {
    this.callScheduled = false;
    if (!this.callWanted || this.running === undefined || this.call === undefined) return;
    this.callWanted = false;
    if (!this.running.ring.wantsInterrupt()) return;
    this.counters.calls++;
    this.call.signal();
  };

  private dropKick(): void {
    this.kickWatch?.stop();
    this.kickWatch = undefined;
    this.kick?.close();
    this.kick = undefined;
  }

  private cancelLater(): void {
    if (this.moreLater !== undefined) clearImmediate(this.moreLater);
    this.moreLater = undefined;
  }
}
