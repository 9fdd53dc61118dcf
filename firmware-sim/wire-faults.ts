import { map, type Observable } from 'rxjs';
import type { ByteStream, ReceivedBytes } from '../src/link/byte-stream.js';
import type { Random } from './random.js';

/** Probabilities for each byte on the wire, either way; 0 is none. */
export interface WireFaults {
  /** The byte arrives as another one. */
  readonly corrupt: number;
  /** The byte does not arrive. */
  readonly drop: number;
}

/** Faults made so far. */
export interface FaultCounters {
  bytes_corrupted: number;
  bytes_dropped: number;
}

/**
 * A byte stream that damages what goes through it in both directions. With `random` seeded the
 * same bytes are damaged the same way again. What it counts goes into `counters`.
 */
export function withWireFaults(
  stream: ByteStream,
  faults: WireFaults,
  random: Random,
  counters: FaultCounters,
): ByteStream {
  if (faults.corrupt === 0 && faults.drop === 0) return stream;
  return new FaultyStream(stream, faults, random, counters);
}

class FaultyStream implements ByteStream {
  readonly data$: Observable<ReceivedBytes>;
  private readonly outgoing: Damage;

  constructor(
    private readonly stream: ByteStream,
    faults: WireFaults,
    random: Random,
    counters: FaultCounters,
  ) {
    const incoming = new Damage(faults, random, counters);
    this.outgoing = new Damage(faults, random, counters);
    this.data$ = stream.data$.pipe(
      map(({ arrivedNs, bytes }) => ({ arrivedNs, bytes: incoming.apply(bytes) })),
    );
  }

  get name(): string {
    return this.stream.name;
  }

  get end$(): ByteStream['end$'] {
    return this.stream.end$;
  }

  get bytesPerSecond(): number | undefined {
    return this.stream.bytesPerSecond;
  }

  get pendingBytes(): number {
    return this.stream.pendingBytes;
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.stream.write(this.outgoing.apply(bytes));
  }

  close(): Promise<void> {
    return this.stream.close();
  }
}

/** The damage to one direction: it draws the distance to the next fault, and so costs nothing between two. */
class Damage {
  private untilCorrupt: number;
  private untilDrop: number;

  constructor(
    private readonly faults: WireFaults,
    private readonly random: Random,
    private readonly counters: FaultCounters,
  ) {
    this.untilCorrupt = distance(faults.corrupt, random);
    this.untilDrop = distance(faults.drop, random);
  }

  apply(bytes: Uint8Array): Uint8Array {
    const { length } = bytes;
    if (this.untilCorrupt >= length && this.untilDrop >= length) {
      this.untilCorrupt -= length;
      this.untilDrop -= length;
      return bytes;
    }
    return this.drop(this.corrupt(Uint8Array.from(bytes)));
  }

  private corrupt(bytes: Uint8Array): Uint8Array {
    let at = this.untilCorrupt;
    while (at < bytes.length) {
      bytes[at]! ^= 1 + this.random.below(255);
      this.counters.bytes_corrupted++;
      at += 1 + distance(this.faults.corrupt, this.random);
    }
    this.untilCorrupt = at - bytes.length;
    return bytes;
  }

  private drop(bytes: Uint8Array): Uint8Array {
    const kept = new Uint8Array(bytes.length);
    let length = 0;
    let from = 0;
    let at = this.untilDrop;
    while (at < bytes.length) {
      kept.set(bytes.subarray(from, at), length);
      length += at - from;
      from = at + 1;
      this.counters.bytes_dropped++;
      at = from + distance(this.faults.drop, this.random);
    }
    this.untilDrop = at - bytes.length;
    kept.set(bytes.subarray(from), length);
    return kept.subarray(0, length + bytes.length - from);
  }
}

/** Bytes left whole before the next fault: geometrically distributed. */
function distance(probability: number, random: Random): number {
  if (probability <= 0) return Number.POSITIVE_INFINITY;
  if (probability >= 1) return 0;
  return Math.floor(Math.log(1 - random.unit()) / Math.log(1 - probability));
}
