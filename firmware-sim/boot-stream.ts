import { filter, type Observable, ReplaySubject, type Subscription, takeUntil } from 'rxjs';
import type { ByteStream, ReceivedBytes, StreamEnd } from '../src/link/byte-stream.js';

/**
 * A byte stream for one boot of the firmware: closing it leaves the port open, so that the next
 * boot finds it as a restarted board finds its UART.
 */
export class BootStream implements ByteStream {
  readonly data$: Observable<ReceivedBytes>;
  readonly end$: Observable<StreamEnd>;
  private readonly ended = new ReplaySubject<StreamEnd>(1);
  private readonly subscription: Subscription;

  constructor(private readonly port: ByteStream) {
    this.end$ = this.ended.asObservable();
    this.data$ = port.data$.pipe(
      takeUntil(this.ended),
      filter(({ bytes }) => bytes.length > 0),
    );
    this.subscription = port.end$.subscribe((end) => this.finish(end));
  }

  get name(): string {
    return this.port.name;
  }

  get bytesPerSecond(): number | undefined {
    return this.port.bytesPerSecond;
  }

  get pendingBytes(): number {
    return this.port.pendingBytes;
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.port.write(bytes);
  }

  close(): Promise<void> {
    this.finish({ cause: 'closed', reason: 'the firmware stopped' });
    return Promise.resolve();
  }

  private finish(end: StreamEnd): void {
    this.subscription?.unsubscribe();
    this.ended.next(end);
    this.ended.complete();
  }
}
