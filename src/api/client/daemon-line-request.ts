import { Observable, type Subscriber } from 'rxjs';
import { messageOf } from '../../base/errors.js';
import type { LineEvent } from '../../events/edge-event.js';
import type { Level, LineConfig, LineRequest } from '../../gpio/chip.js';
import type { LineRequestClient, RequestEvent } from './types.js';

const RELEASED = 'released';

/** A request through a connection as if it were one of this process. */
export class DaemonLineRequest implements LineRequest {
  readonly consumer: string;
  readonly offsets: readonly number[];
  readonly events$: Observable<readonly LineEvent[]>;
  private listener: Subscriber<readonly LineEvent[]> | undefined;
  private pumping = false;
  private why: string | undefined;

  constructor(private readonly client: LineRequestClient) {
    this.consumer = client.consumer;
    this.offsets = client.offsets;
    this.events$ = new Observable((subscriber) => {
      this.listener = subscriber;
      if (this.why !== undefined && this.why !== RELEASED) subscriber.complete();
      else if (!this.pumping) void this.pump();
      return () => {
        if (this.listener === subscriber) this.listener = undefined;
      };
    });
  }

  get ended(): string | undefined {
    return this.why;
  }

  getValues(offsets?: readonly number[]): Promise<Level[]> {
    return this.client.getValues(offsets);
  }

  setValues(values: ReadonlyMap<number, Level>): Promise<void> {
    return this.client.setValues(values);
  }

  reconfigure(config: LineConfig | readonly LineConfig[]): Promise<void> {
    return this.client.reconfigure(config);
  }

  async release(): Promise<void> {
    this.why ??= RELEASED;
    await this.client.release();
  }

  /** Takes what comes from the first listener on, whether somebody listens still or not. */
  private async pump(): Promise<void> {
    this.pumping = true;
    let reason = 'the connection ended';
    try {
      for await (const batch of this.client.events()) {
        const events = batch.filter(isLineEvent);
        if (events.length > 0) this.listener?.next(events);
        for (const event of batch) if (event.type === 'ended') reason = event.reason;
      }
    } catch (thrown) {
      reason = messageOf(thrown);
    }
    this.why ??= reason;
    this.listener?.complete();
  }
}

function isLineEvent(event: RequestEvent): event is LineEvent {
  return event.type === 'edge' || event.type === 'gap';
}
