import { type Observable, ReplaySubject, Subject } from 'rxjs';
import type { Time } from '../../src/base/clock.js';
import type { ByteStream, ReceivedBytes, StreamEnd } from '../../src/link/byte-stream.js';

/** One end of a byte stream inside this process; bytes arrive when the timers of `time` run. */
export class PairedStream implements ByteStream {
  readonly data$: Observable<ReceivedBytes>;
  readonly end$: Observable<StreamEnd>;
  /** Each write, as it was made. */
  readonly writes: Uint8Array[] = [];
  /** While set, writes are not written out. */
  stuck = false;
  pendingBytes = 0;
  private readonly received = new Subject<ReceivedBytes>();
  private readonly ended = new ReplaySubject<StreamEnd>(1);
  private peer: PairedStream | undefined;

  constructor(
    readonly name: string,
    private readonly time: Time,
    readonly bytesPerSecond: number | undefined = undefined,
  ) {
    this.data$ = this.received.asObservable();
    this.end$ = this.ended.asObservable();
  }

  static pair(time: Time): [PairedStream, PairedStream] {
    const ends: [PairedStream, PairedStream] = [
      new PairedStream('first', time),
      new PairedStream('second', time),
    ];
    ends[0].peer = ends[1];
    ends[1].peer = ends[0];
    return ends;
  }

  write(bytes: Uint8Array): Promise<void> {
    this.writes.push(bytes);
    if (this.stuck) {
      this.pendingBytes += bytes.length;
      return new Promise(() => undefined);
    }
    this.time.set(() => this.peer?.arrive(bytes), 0);
    return Promise.resolve();
  }

  /** These bytes come in. */
  arrive(bytes: Uint8Array): void {
    this.received.next({ arrivedNs: this.time.monotonicNs(), bytes });
  }

  /** The port goes away. */
  unplug(): void {
    this.ended.next({ cause: 'gone', reason: 'unplugged' });
  }

  close(): Promise<void> {
    this.ended.next({ cause: 'closed', reason: 'closed' });
    return Promise.resolve();
  }
}
