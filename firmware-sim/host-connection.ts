import type { Time } from '../src/base/clock.js';
import type { ByteStream } from '../src/link/byte-stream.js';
import type { PacketLink } from '../src/link/packet-link.js';
import { isMessageFault, type MessageFault, type WireFault } from './fault.js';
import { MessageFaultState, newMessageFaultCounters } from './messages/fault-state.js';
import { type FaultyLink, withMessageFaults } from './messages/faulty-messages.js';
import { speechOf } from './messages/speech.js';
import type { ResolvedOptions } from './options.js';
import type { Connection } from './ports.js';
import { Random } from './random.js';
import { ServedLink, type ServedPort, ServedStream } from './served-port.js';
import { addCounters } from './stats.js';
import { newWireFaultCounters, WireFaultState } from './wire/fault-state.js';
import { withWireFaults } from './wire/faulty-stream.js';
import { withBaud } from './wire/paced-stream.js';
import { withDelays } from './wire/slow-link.js';

/**
 * The way from the firmware to its host: the one connection, or link, that is served at present, with
 * what goes wrong on it. It outlives connections and boots, and counts over all of them.
 */
export class HostConnection {
  private link: PacketLink | undefined;
  private port: ServedPort | undefined;
  private faulty: FaultyLink | undefined;
  private readonly totals: Record<string, number> = {};
  private readonly wireFaults = new WireFaultState();
  private readonly wireCounters = newWireFaultCounters();
  private readonly messageFaults = new MessageFaultState();
  private readonly messageCounters = newMessageFaultCounters();
  private readonly speech: ReturnType<typeof speechOf>;
  private readonly random: Random;

  /** `serve` has the firmware serve a link from now on. */
  constructor(
    private readonly options: ResolvedOptions,
    private readonly time: Time,
    private readonly serve: (link: PacketLink) => void,
  ) {
    this.speech = speechOf(options.dialect);
    // Of its own, so that the edges do not depend on what crosses the wire.
    this.random = new Random(~options.seed);
  }

  /** Whether what is served is a connection that came through a port. */
  get isPort(): boolean {
    return this.port !== undefined;
  }

  /** The link that was given to {@link use}, if it is served. */
  get usedLink(): PacketLink | undefined {
    return this.port === undefined ? this.link : undefined;
  }

  /** Serves whoever connected, in place of the one before. */
  accept(connection: Connection): void {
    this.leave();
    const port =
      'link' in connection
        ? new ServedLink(this.asChannel(connection.link))
        : new ServedStream(this.asLine(connection.stream), this.time, this.options.plain);
    this.port = port;
    this.begin(port.boot()!);
  }

  /** Serves a link, in place of the one before, which is left open. */
  use(link: PacketLink): void {
    this.leave();
    this.begin(link);
  }

  /** Serves nobody: a connection that came through a port is closed. */
  leave(): void {
    void this.port?.close();
    this.port = undefined;
    this.forget();
  }

  /** Another boot of the firmware serves from now on. */
  rebooted(): void {
    const { port, link } = this;
    this.forget();
    const next = port === undefined ? link : port.boot();
    if (next !== undefined && next.state.kind !== 'down') this.begin(next);
    else if (next === undefined) this.leave();
  }

  setFault(fault: WireFault | MessageFault): void {
    if (isMessageFault(fault)) this.messageFaults.set(fault);
    else this.wireFaults.set(fault, Number(this.time.monotonicNs()));
  }

  clearFaults(): void {
    this.wireFaults.clear();
    this.messageFaults.clear();
  }

  /** Frames, bytes and messages of all links, and the faults made. */
  get counters(): Record<string, number> {
    const all = { ...this.totals };
    addCounters(all, this.link?.counters ?? {});
    addCounters(all, { ...this.wireCounters });
    if (this.speech !== undefined) addCounters(all, { ...this.messageCounters });
    return all;
  }

  async close(): Promise<void> {
    const { link, port } = this;
    this.faulty?.leave();
    await link?.close();
    await port?.close();
  }

  /** A line as slow as its baud rate, if it has one, and then what goes wrong with its bytes. */
  private asLine(stream: ByteStream): ByteStream {
    const { wireFaults: faults, wireCounters: counters, random, time } = this;
    const wire = withWireFaults(stream, { faults, random, counters, time });
    const { baud } = this.options;
    return baud === undefined ? wire : withBaud(wire, baud, time);
  }

  private asChannel(link: PacketLink): PacketLink {
    return withDelays(link, { faults: this.wireFaults, counters: this.wireCounters, time: this.time });
  }

  private begin(link: PacketLink): void {
    this.link = link;
    if (this.speech === undefined) {
      this.serve(link);
      return;
    }
    const { messageFaults: faults, messageCounters: counters, speech, random, time } = this;
    this.faulty = withMessageFaults(link, { faults, counters, speech, random, time });
    this.serve(this.faulty);
  }

  private forget(): void {
    this.faulty?.leave();
    this.faulty = undefined;
    if (this.link !== undefined) addCounters(this.totals, this.link.counters);
    this.link = undefined;
  }
}
