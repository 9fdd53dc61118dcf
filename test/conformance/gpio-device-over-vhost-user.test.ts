import { configPayload, REQUEST } from '../../src/wire/vhost-user.js';
import { DIRECTION, EVENTQ, FEATURE, REQUESTQ } from '../../src/wire/virtio-gpio.js';
import { until } from '../contract/packet-link.js';
import { GuestRig } from '../support/guest-rig.js';
import type { DeviceSetup, DeviceUnderTest, ReturnedBuffer } from './device-under-test.js';
import { gpioDeviceConformance } from './gpio-device-suite.js';

const CONFIG_RANGE = { offset: 0, size: 8, flags: 0 };
/** Turns of the loop without anything on the link: nothing is under way any more. */
const QUIET_TURNS = 4;

/** An export as a guest has it: messages and rings of vhost-user, the device model, a chip, the simulated coprocessor. */
class ExportUnderTest implements DeviceUnderTest {
  readonly returned: ReturnedBuffer[] = [];
  /** Linux takes NONE for an error. */
  readonly unsetDirection = DIRECTION.IN;
  /** There are hypervisors that offer the feature to their guest, and never tell the back end. */
  readonly interruptsAlways = true;
  private lastId = 0;
  /** By queue: ids of the buffers that the device holds, by their heads. */
  private readonly held = [new Map<number, number>(), new Map<number, number>()];
  private readonly steps: (() => Promise<void>)[] = [];
  private added = 0;

  private constructor(private readonly rig: GuestRig) {}

  static async open({ lines, names, features }: DeviceSetup): Promise<ExportUnderTest> {
    const rig = new GuestRig({ coprocessor: { lines, names } });
    await rig.plugIn();
    await rig.connect(features.reduce((bits, feature) => bits | (1n << BigInt(feature)), 0n));
    return new ExportUnderTest(rig);
  }

  /** The test's steps are taken in its order: a buffer is taken, an edge has arrived, before the next. */
  available(queue: number, out: Uint8Array, inLength: number): number {
    const id = ++this.lastId;
    this.steps.push(async () => {
      const ring = queue === EVENTQ ? this.rig.events : this.rig.requests;
      this.held[queue]!.set(ring.add(out, inLength), id);
      this.added++;
      await until(() => this.rig.exported.report().counters.buffers_taken === this.added);
    });
    return id;
  }

  applyLevel(line: number, level: 0 | 1): void {
    this.steps.push(async () => {
      this.rig.rig.coprocessor.drive(line, level);
      await this.quiet();
    });
  }

  async settle(): Promise<void> {
    for (let step = this.steps.shift(); step !== undefined; step = this.steps.shift()) await step();
    await until(() => this.rig.exported.report().waitingRequests === 0);
    await this.quiet();
    this.collect(REQUESTQ);
    this.collect(EVENTQ);
  }

  async config(): Promise<Uint8Array> {
    const asked = configPayload(CONFIG_RANGE, new Uint8Array(CONFIG_RANGE.size));
    return (await this.rig.front!.ask(REQUEST.GET_CONFIG, asked)).payload.subarray(12);
  }

  pinLevel(line: number): 0 | 1 {
    return this.rig.rig.coprocessor.pin(line).level;
  }

  isOutput(line: number): boolean {
    return this.rig.rig.coprocessor.pin(line).direction === 'output';
  }

  close(): Promise<void> {
    return this.rig.close();
  }

  private collect(queue: number): void {
    const ring = queue === EVENTQ ? this.rig.events : this.rig.requests;
    const held = this.held[queue]!;
    for (const { head, bytes } of ring.used()) {
      this.returned.push({ queue, id: held.get(head)!, bytes });
      held.delete(head);
    }
  }

  private async quiet(): Promise<void> {
    const { rig } = this.rig;
    const passed = () => Object.values(rig.link.counters).reduce((sum, count) => sum + count, 0);
    for (let turns = 0; turns < QUIET_TURNS; turns++) {
      const before = passed();
      await rig.settle(1);
      if (passed() !== before) turns = 0;
    }
  }
}

// No extension of virtio-gpio is offered to guests.
gpioDeviceConformance('an export over vhost-user', ExportUnderTest.open, [[FEATURE.IRQ]]);
