import { type Observable, Subject } from 'rxjs';
import type { Time } from '../../src/base/clock.js';
import type { ByteStream, ReceivedBytes } from '../../src/link/byte-stream.js';
import type { Random } from '../random.js';
import { Damage } from './damage.js';
import { type Arrival, DelayLine } from './delay-line.js';
import type { WireFaultCounters, WireFaultState } from './fault-state.js';
import { Repeater } from './repeater.js';

/** What a wire with faults is made of. */
export interface FaultyWireParts {
  /** Looked at with every piece of bytes: faults come and go while the stream is open. */
  readonly faults: WireFaultState;
  /** Seeded, the same bytes are damaged the same way again. */
  readonly random: Random;
  readonly counters: WireFaultCounters;
  readonly time: Time;
}

/**
 * A byte stream with faults in both directions: frames are repeated, then bytes damaged, then all
 * of it held up. Without faults bytes pass as they are.
 */
export function withWireFaults(stream: ByteStream, parts: FaultyWireParts): ByteStream {
  return new FaultyStream(stream, parts);
}

class FaultyStream implements ByteStream {
  readonly data$: Observable<ReceivedBytes>;
  private readonly incoming: FaultyWire;
  private readonly outgoing: FaultyWire;

  constructor(
    private readonly stream: ByteStream,
    private readonly parts: FaultyWireParts,
  ) {
    const received = new Subject<ReceivedBytes>();
    this.data$ = received.asObservable();
    this.incoming = new FaultyWire(parts, (bytes, arrivedNs) => received.next({ arrivedNs, bytes }));
    // A stream that ended meanwhile says so through end$.
    this.outgoing = new FaultyWire(parts, (bytes) => void stream.write(bytes).catch(() => undefined));
    const data = stream.data$.subscribe(({ bytes, arrivedNs }) => this.incoming.send(bytes, arrivedNs));
    stream.end$.subscribe(() => {
      data.unsubscribe();
      this.incoming.close();
      this.outgoing.close();
    });
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

  /** Bytes that have to wait are on the wire: as far as the port goes, they are written out. */
  write(bytes: Uint8Array): Promise<void> {
    if (!this.outgoing.isSlow) return this.stream.write(this.outgoing.damaged(bytes));
    this.outgoing.send(bytes, this.parts.time.monotonicNs());
    return Promise.resolve();
  }

  close(): Promise<void> {
    return this.stream.close();
  }
}

/** The stages of one direction. */
class FaultyWire {
  private readonly repeater: Repeater;
  private readonly damage: Damage;
  private readonly delayLine: DelayLine;

  constructor(
    private readonly parts: FaultyWireParts,
    arrive: Arrival,
  ) {
    const { faults, random, counters, time } = parts;
    this.repeater = new Repeater(faults, random, counters);
    this.damage = new Damage(faults, random, counters);
    this.delayLine = new DelayLine(faults, time, counters, arrive);
  }

  get isSlow(): boolean {
    return this.parts.faults.isSlow || this.delayLine.underWay > 0;
  }

  damaged(bytes: Uint8Array): Uint8Array {
    return this.damage.apply(this.repeater.apply(bytes));
  }

  send(bytes: Uint8Array, sentNs: bigint): void {
    this.delayLine.push(this.damaged(bytes), sentNs);
  }

  close(): void {
    this.delayLine.close();
  }
}
