import { type Observable, Subject } from 'rxjs';
import type { Time } from '../../src/base/clock.js';
import type { ByteStream, ReceivedBytes } from '../../src/link/byte-stream.js';
import { BITS_PER_BYTE, PacedLine } from './paced-line.js';

/**
 * A byte stream that carries no more than a serial line of `baud` does, in each direction. Bytes of
 * a write leave one after the other, and it resolves with the last of them; bytes that come arrive
 * as the line would have brought them.
 */
export function withBaud(stream: ByteStream, baud: number, time: Time): ByteStream {
  return new PacedStream(stream, baud, time);
}

class PacedStream implements ByteStream {
  readonly data$: Observable<ReceivedBytes>;
  readonly bytesPerSecond: number;
  private readonly outgoing: PacedLine;
  private readonly incoming: PacedLine;

  constructor(
    private readonly stream: ByteStream,
    baud: number,
    time: Time,
  ) {
    this.bytesPerSecond = baud / BITS_PER_BYTE;
    const received = new Subject<ReceivedBytes>();
    this.data$ = received.asObservable();
    this.outgoing = new PacedLine(baud, time, (bytes) => stream.write(bytes));
    this.incoming = new PacedLine(baud, time, async (bytes, arrivedNs) => {
      received.next({ bytes, arrivedNs });
    });
    const data = stream.data$.subscribe(({ bytes }) => {
      // A host that sends more than its line can take is not held back here: the rest waits, as in its driver.
      void this.incoming.push(bytes).catch(() => undefined);
    });
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

  get pendingBytes(): number {
    return this.outgoing.pendingBytes + this.stream.pendingBytes;
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.outgoing.push(bytes);
  }

  close(): Promise<void> {
    return this.stream.close();
  }
}
