import { type Observable, ReplaySubject, Subject } from 'rxjs';
import type { Clock } from '../../base/clock.js';
import { BridgeError } from '../../base/errors.js';
import type { ReceivedBytes, StreamEnd } from '../byte-stream.js';

/** What every byte stream does alike: hands on what it received, and ends once. */
export class StreamOutlets {
  readonly data$: Observable<ReceivedBytes>;
  readonly end$: Observable<StreamEnd>;
  private readonly received = new Subject<ReceivedBytes>();
  private readonly ended = new ReplaySubject<StreamEnd>(1);
  private over: StreamEnd | undefined;

  constructor(
    private readonly name: string,
    private readonly clock: Pick<Clock, 'monotonicNs'>,
  ) {
    this.data$ = this.received.asObservable();
    this.end$ = this.ended.asObservable();
  }

  get isOver(): boolean {
    return this.over !== undefined;
  }

  /** Stamps the bytes of one read, first of all, and hands them on. */
  receive(bytes: Uint8Array): void {
    this.received.next({ arrivedNs: this.clock.monotonicNs(), bytes });
  }

  /** False when it had ended before. */
  end(end: StreamEnd): boolean {
    if (this.over !== undefined) return false;
    this.over = end;
    this.received.complete();
    this.ended.next(end);
    this.ended.complete();
    return true;
  }

  /** For a write that the end of the stream prevents. */
  downError(): BridgeError {
    return new BridgeError('LINK_DOWN', `${this.name}: ${this.over?.reason ?? 'the connection broke'}`);
  }
}
