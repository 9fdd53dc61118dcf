import type { Subscription } from 'rxjs';
import type { Time } from '../src/base/clock.js';
import type { ByteStream } from '../src/link/byte-stream.js';
import type { Listener } from '../src/link/listener.js';
import type { PacketLink } from '../src/link/packet-link.js';
import { listenForDrivers } from './listen.js';

/** What a driver that connects brings: bytes, or packets. */
export type Connection = { readonly stream: ByteStream } | { readonly link: PacketLink };

interface Port {
  readonly listener: Listener;
  readonly connections: Subscription;
}

/** Where a coprocessor listens. Ports may be closed and opened again, as a cable is pulled and put back. */
export class Ports {
  private readonly open: Port[] = [];
  /** Where it listened before the ports were closed. */
  private closedUrls: string[] = [];
  /** Ports that are out of service instead. */
  private readonly withdrawn: Port[] = [];
  /** One change of the ports at a time, in the order asked for. */
  private turn: Promise<unknown> = Promise.resolve();
  private ended = false;

  constructor(
    private readonly time: Time,
    /** Of a remote processor. */
    private readonly services: readonly string[],
    private readonly accept: (connection: Connection) => void,
  ) {}

  /** See SimulatedCoprocessor.listen. */
  listen(url: string): Promise<Listener> {
    return this.inTurn(() => this.listenAt(url));
  }

  serve(listener: Listener): void {
    const connections =
      'links$' in listener
        ? listener.links$.subscribe((link) => this.accept({ link }))
        : listener.streams$.subscribe((stream) => this.accept({ stream }));
    this.open.push({ listener, connections });
  }

  /** Stops listening; what was accepted is closed. */
  closePorts(): Promise<void> {
    return this.inTurn(async () => {
      const closing: Port[] = [];
      for (const port of this.open.splice(0)) {
        (port.listener.withdraw === undefined ? closing : this.withdrawn).push(port);
        port.listener.withdraw?.();
      }
      // A port that the system chose is the one to come back to.
      this.closedUrls.push(...closing.map(({ listener }) => listener.name));
      await this.closeAll(closing);
    });
  }

  /** Listens again where it did before the ports were closed. */
  reopen(): Promise<void> {
    return this.inTurn(async () => {
      for (const port of this.withdrawn.splice(0)) {
        this.open.push(port);
        port.listener.offer?.();
      }
      while (this.closedUrls.length > 0) {
        await this.listenAt(this.closedUrls[0]!);
        this.closedUrls.shift();
      }
    });
  }

  /** The end: nothing is opened any more. */
  async end(): Promise<void> {
    this.ended = true;
    await this.turn;
    await this.closeAll([...this.open.splice(0), ...this.withdrawn.splice(0)]);
  }

  private async listenAt(url: string): Promise<Listener> {
    const listener = await listenForDrivers(url, this.services, this.time);
    if (this.ended) await listener.close();
    else this.serve(listener);
    return listener;
  }

  private async closeAll(ports: readonly Port[]): Promise<void> {
    for (const { connections } of ports) connections.unsubscribe();
    await Promise.all(ports.map(({ listener }) => listener.close()));
  }

  private inTurn<Result>(change: () => Promise<Result>): Promise<Result> {
    const result = this.turn.then(change);
    this.turn = result.catch(() => undefined);
    return result;
  }
}
