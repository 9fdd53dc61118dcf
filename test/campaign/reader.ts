import type { LineRequestClient, RequestEvent } from '../../src/api/client/types.js';

/** The client that is judged: reads the events of its request, but for times in which it does not. */
export class Reader {
  private paused: Promise<void> | undefined;
  private goOn: () => void = () => {};

  constructor(
    private readonly request: LineRequestClient,
    private readonly take: (events: readonly RequestEvent[]) => void,
  ) {}

  /** Reads to the end of the request. */
  async run(): Promise<void> {
    for await (const events of this.request.events()) {
      this.take(events);
      await this.paused;
    }
  }

  pause(): void {
    this.paused = new Promise((resolve) => {
      this.goOn = resolve;
    });
  }

  resume(): void {
    this.paused = undefined;
    this.goOn();
  }
}
