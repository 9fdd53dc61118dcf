import { type Observable, Subject } from 'rxjs';
import type { Time, TimerHandle } from '../../src/base/clock.js';
import type { PacketLink } from '../../src/link/packet-link.js';
import { NAME_SERVICE_ADDRESS, writeAnnouncement } from '../../src/wire/rpmsg.js';
import { EndpointLink } from './endpoint-link.js';
import { RpmsgDevice } from './rpmsg-device.js';

/** Of the first service; the others follow. Below lie addresses that are reserved. */
const FIRST_ADDRESS = 1024;
/** From a crash until the firmware announces its services again, ms: booting takes time. */
const BOOT_MS = 100;

/**
 * What a kernel takes for a remote processor: services announced by name over rpmsg, all of which
 * lead to the same firmware. Whoever wrote last is whom the firmware talks to.
 */
export class RemoteProcessor {
  readonly device: RpmsgDevice;
  /** The remote's end of each channel that the kernel's side begins to use. */
  readonly links$: Observable<PacketLink>;
  private readonly links = new Subject<PacketLink>();
  /** Who is talked to: an address of ours, and one of theirs. */
  private link: EndpointLink | undefined;
  private local = 0;
  private remote = 0;
  /** Whether the firmware runs, as far as anybody can tell. */
  private isUp = true;
  private isAnnounced = false;
  private restart: TimerHandle | undefined;

  constructor(
    private readonly services: readonly string[],
    private readonly time: Time,
  ) {
    this.links$ = this.links.asObservable();
    this.device = new RpmsgDevice({
      started: (again) => this.driverStarted(again),
      stopped: () => this.driverStopped(),
      message: (source, destination, payload) => this.receive(source, destination, payload),
      room: () => this.link?.makeRoom(),
    });
  }

  /** Crashes, for as long as it takes to {@link comeBack}: the kernel is told that the services are gone. */
  goDown(): void {
    this.cancelRestart();
    this.isUp = false;
    this.leave('the remote processor stopped');
    this.announce(false);
  }

  comeBack(): void {
    this.cancelRestart();
    this.isUp = true;
    this.announce(true);
  }

  /** Nothing happens any more. */
  close(): void {
    this.goDown();
    this.links.complete();
  }

  private driverStarted(again: boolean): void {
    this.isAnnounced = false;
    // It knows services of firmware that is no more.
    if (again) this.sendAnnouncements(false);
    if (this.isUp) this.announce(true);
  }

  private driverStopped(): void {
    this.isAnnounced = false;
    this.leave('the kernel stopped using the remote processor');
  }

  private receive(source: number, destination: number, payload: Uint8Array): void {
    const service = this.services[destination - FIRST_ADDRESS];
    // Its own name service announces endpoints, which nobody here looks for.
    if (!this.isUp || service === undefined) return;
    if (this.link === undefined || this.local !== destination || this.remote !== source) {
      this.begin(service, destination, source);
    }
    this.link?.receive(payload, this.time.monotonicNs());
  }

  private begin(service: string, local: number, remote: number): void {
    this.leave('another endpoint took its place');
    const { device } = this;
    this.local = local;
    this.remote = remote;
    const link = new EndpointLink(`rpmsg:${service}`, {
      get room() {
        return device.room;
      },
      send: (packet) => device.send(local, remote, packet),
      closed: () => {
        if (this.link === link) this.firmwareStopped();
      },
    });
    this.link = link;
    this.links.next(link);
  }

  /** The firmware let go of its channel, which it does when it starts anew. */
  private firmwareStopped(): void {
    this.goDown();
    this.restart = this.time.set(() => this.comeBack(), BOOT_MS);
  }

  private leave(reason: string): void {
    const { link } = this;
    this.link = undefined;
    link?.end('gone', reason);
  }

  private announce(exists: boolean): void {
    if (this.isAnnounced === exists) return;
    this.isAnnounced = exists;
    this.sendAnnouncements(exists);
  }

  private sendAnnouncements(exists: boolean): void {
    this.services.forEach((name, i) => {
      const address = FIRST_ADDRESS + i;
      this.device.send(address, NAME_SERVICE_ADDRESS, writeAnnouncement({ name, address, exists }));
    });
  }

  private cancelRestart(): void {
    if (this.restart !== undefined) this.time.clear(this.restart);
    this.restart = undefined;
  }
}
