import type { VringAddresses } from '../../wire/vhost-user.js';
import type { GuestMemory } from '../memory/guest-memory.js';

const DESCRIPTOR_BYTES = 16;
const AVAILABLE_HEAD = 4;
const USED_HEAD = 4;
const USED_ELEMENT = 8;
/** VIRTQ_AVAIL_F_NO_INTERRUPT */
const NO_INTERRUPT = 1;
/** Of the available and of the used ring, counted in 16-bit words. */
const FLAGS = 0;
const INDEX = 1;
const FIRST_HEAD = 2;

/**
 * The three parts of a split virtqueue (virtio 1.2, 2.7) as they lie in guest memory, without EVENT_IDX.
 *
 * The other side runs at the same time on another processor, so the indices and flags that order
 * everything else go through Atomics, whose loads and stores are sequentially consistent on every
 * machine: what the guest wrote before its index is seen after it, and the used index is written
 * after its elements, and before the guest's wish for an interrupt is read.
 */
export class SplitRing {
  /** The descriptor table: 4 words each. */
  descriptors: Uint32Array;
  private available: Uint16Array;
  private used: Uint16Array;
  private usedElements: Uint32Array;
  private readonly mask: number;

  /** Throws a ProtocolViolation where a part is not in guest memory. `size` is a power of 2. */
  constructor(
    memory: GuestMemory,
    addresses: VringAddresses,
    readonly size: number,
  ) {
    this.mask = size - 1;
    const part = (address: bigint, length: number, alignment: number, what: string) =>
      memory.ringView(address, length, alignment, `${what} of queue ${addresses.index}`);
    const available = part(addresses.available, AVAILABLE_HEAD + 2 * size, 2, 'available ring');
    const used = part(addresses.used, USED_HEAD + USED_ELEMENT * size, 4, 'used ring');
    this.descriptors = new Uint32Array(
      part(addresses.descriptors, DESCRIPTOR_BYTES * size, DESCRIPTOR_BYTES, 'descriptor table'),
    );
    this.available = new Uint16Array(available);
    this.used = new Uint16Array(used);
    this.usedElements = new Uint32Array(used);
  }

  /** How many buffers the guest made available since the beginning, modulo 2^16. */
  availableIndex(): number {
    return Atomics.load(this.available, INDEX);
  }

  /** The head of the buffer that was made available as number `index`. */
  headAt(index: number): number {
    return this.available[FIRST_HEAD + (index & this.mask)]!;
  }

  /** How many buffers were returned, as the guest sees it. */
  usedIndex(): number {
    return Atomics.load(this.used, INDEX);
  }

  /** Whether the guest wants to be interrupted for what was returned. */
  wantsInterrupt(): boolean {
    return (Atomics.load(this.available, FLAGS) & NO_INTERRUPT) === 0;
  }

  /** Fills in a used element, which the guest sees after {@link publish}. */
  putUsed(index: number, head: number, length: number): void {
    const at = 1 + 2 * (index & this.mask);
    this.usedElements[at] = head;
    this.usedElements[at + 1] = length;
  }

  /** The guest may look at all elements before `index`. */
  publish(index: number): void {
    Atomics.store(this.used, INDEX, index);
  }

  /** Lets go of guest memory; from here on nothing is available. */
  drop(): void {
    this.descriptors = new Uint32Array(0);
    this.available = new Uint16Array(2);
    this.used = new Uint16Array(2);
    this.usedElements = new Uint32Array(0);
  }
}
