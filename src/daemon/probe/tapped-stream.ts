import { Observable } from 'rxjs';
import type { ByteStream, ReceivedBytes, StreamEnd } from '../../link/byte-stream.js';
import type { Heard } from './heard.js';

/** A byte stream of which all that comes is also given to `heard`, from the first byte on. */
export class TappedStream implements ByteStream {
  readonly data$: Observable<ReceivedBytes>;
  readonly end$: Observable<StreamEnd>;

  constructor(
    private readonly stream: ByteStream,
    heard: Heard,
  ) {
    this.end$ = stream.end$;
    this.data$ = new Observable((subscriber) =>
      stream.data$.subscribe({
        next: (received) => {
          heard.take(received.bytes);
          subscriber.next(received);
        },
        complete: () => subscriber.complete(),
      }),
    );
  }

  get name(): string {
    return this.stream.name;
  }

  get bytesPerSecond(): number | undefined {
    return this.stream.bytesPerSecond;
  }

  get pendingBytes(): number {
    return this.stream.pendingBytes;
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.stream.write(bytes);
  }

  close(): Promise<void> {
    return this.stream.close();
  }
}
