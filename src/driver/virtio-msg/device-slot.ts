import type { TimerHandle } from '../../base/clock.js';
import { messageOf } from '../../base/errors.js';
import { adopt, bringUp, identify } from './bring-up.js';
import type { BusSession } from './bus-session.js';
import { GpioController, type GpioControllerOptions } from './gpio-controller.js';
import type { Heard } from './last-good.js';

/** How a device is to be taken after HELLO. */
export type Approach =
  /** From status 0. */
  | 'fresh'
  /** The device kept its state, and so did this driver. */
  | 'resume'
  /** The device kept its state; this driver knows nothing of it. */
  | 'adopt';

export interface DeviceSlotOptions extends Omit<GpioControllerOptions, 'needsReset'> {
  /** For messages before there is a controller. */
  readonly busName: string;
  readonly firmware: () => string;
  /** Resolves when device times can be mapped, or cannot for now. */
  readonly clockReady: () => Promise<void>;
  /** CLOCK_MONOTONIC of the last packet from the coprocessor. */
  readonly heard: () => Heard;
  /** Something about this device changed. */
  readonly changed: () => void;
  /** Whether a controller of this many lines may be brought up beside the others. */
  readonly admits: (lineCount: number) => boolean;
}

/** A device that ran this long is not in a loop of resets. */
const STABLE_MS = 10_000;

/** One device number on the bus: brings it up, again and again with growing pauses if need be. */
export class DeviceSlot {
  controller: GpioController | undefined;
  /** `ignored`: not there, or not a GPIO device. */
  state: 'idle' | 'busy' | 'running' | 'failed' | 'ignored' = 'idle';

  private session: BusSession | undefined;
  /** Grows with each channel and each end of one: what began before is void. */
  private epoch = 0;
  private again = false;
  private describing = false;
  /** The configuration changed while it was being read. */
  private describeLater = false;
  private failures = 0;
  private runningSinceNs = 0n;
  private timer: TimerHandle | undefined;

  constructor(
    readonly devNum: number,
    private readonly options: DeviceSlotOptions,
  ) {}

  /** Takes the device on this session. Resolves when the first attempt has succeeded or failed. */
  async begin(session: BusSession, approach: Approach): Promise<void> {
    this.stop();
    this.session = session;
    await this.attempt(session, approach, this.epoch);
  }

  /** Stops whatever goes on: the session has ended. */
  stop(): void {
    this.epoch++;
    this.again = false;
    this.describeLater = false;
    this.session = undefined;
    if (this.state !== 'ignored') this.state = 'idle';
    if (this.timer !== undefined) this.options.time.clear(this.timer);
    this.timer = undefined;
  }

  /** Brings the device up from status 0, now or after a pause when it needs that too often. */
  reset(why: string): void {
    const { session } = this;
    if (session === undefined) return;
    if (this.state === 'busy') {
      this.again = true;
      return;
    }
    if (this.timer !== undefined) return;
    const { log, busName, heard } = this.options;
    log('warn', `${busName}: device ${this.devNum} is reset: ${why}`);
    this.controller?.stateLost('FIRMWARE_RESTARTED', `the device was reset: ${why}`, heard());
    if (this.state === 'running' && this.ranFor() >= STABLE_MS) this.failures = 0;
    this.state = 'failed';
    this.retryAfter(session, this.pauseMs());
    this.options.changed();
  }

  /** The configuration has this generation: the description is read again if that is news. */
  configChanged(generation: number): void {
    if (this.state === 'busy' || this.describing) this.describeLater = true;
    else if (this.state === 'running' && this.controller?.knowsGeneration(generation) === false) {
      void this.describeAgain();
    }
  }

  private async describeAgain(): Promise<void> {
    const { session, controller, epoch } = this;
    if (session === undefined || controller === undefined) return;
    this.describing = true;
    this.describeLater = false;
    const done = await controller.describeAgain(session, this.options.firmware()).catch(() => false);
    this.describing = false;
    if (epoch !== this.epoch || this.state !== 'running') return;
    if (!done) this.reset('its configuration changed');
    else if (this.describeLater) void this.describeAgain();
  }

  private async attempt(session: BusSession, approach: Approach, epoch: number): Promise<void> {
    this.state = 'busy';
    this.again = false;
    let failure: string | undefined;
    try {
      await this.take(session, approach);
    } catch (error) {
      failure = messageOf(error);
    }
    if (epoch !== this.epoch) return;
    if (failure === undefined && !this.again) this.succeeded();
    else this.failedWith(session, failure ?? 'it was reset meanwhile');
    this.options.changed();
  }

  private async take(session: BusSession, approach: Approach): Promise<void> {
    if (approach === 'resume' && this.controller !== undefined) {
      if (await this.controller.resume(session)) return;
    }
    const { heard, firmware, clockReady, busName, log } = this.options;
    if (approach !== 'adopt') {
      this.controller?.stateLost('FIRMWARE_RESTARTED', 'the device is brought up anew', heard());
    }
    const kind = await identify(session, this.devNum);
    if (kind.kind !== 'gpio') {
      if (kind.kind === 'other') {
        log(
          'info',
          `${busName}: device ${this.devNum} has virtio device ID ${kind.deviceId}, not GPIO: skipped`,
        );
      }
      this.state = 'ignored';
      return;
    }
    const adopted = approach === 'adopt' ? await adopt(session, this.devNum) : undefined;
    const setup = adopted ?? (await bringUp(session, this.devNum));
    if (!this.options.admits(setup.lineCount)) {
      log('error', `${busName}: device ${this.devNum} has too many lines (${setup.lineCount}): skipped`);
      this.state = 'ignored';
      return;
    }
    this.controller ??= new GpioController({ ...this.options, needsReset: (why) => this.reset(why) });
    await this.controller.open(session, setup, firmware(), adopted !== undefined, clockReady());
  }

  private succeeded(): void {
    if (this.state === 'ignored') {
      this.controller?.remove('it is no longer a GPIO device');
      this.controller = undefined;
      return;
    }
    this.state = 'running';
    this.runningSinceNs = this.options.time.monotonicNs();
    if (this.describeLater && !this.describing) void this.describeAgain();
  }

  private failedWith(session: BusSession, why: string): void {
    const { log, busName } = this.options;
    this.state = 'failed';
    const pause = this.pauseMs();
    log('warn', `${busName}: device ${this.devNum} did not come up: ${why}; again in ${pause} ms`);
    this.controller?.failed(`it did not come up: ${why}`);
    this.retryAfter(session, pause);
  }

  private retryAfter(session: BusSession, pauseMs: number): void {
    const { epoch } = this;
    this.timer = this.options.time.set(() => {
      this.timer = undefined;
      if (epoch === this.epoch) void this.attempt(session, 'fresh', epoch);
    }, pauseMs);
  }

  /** None for the first reset after a while of running, then growing. */
  private pauseMs(): number {
    const { reopen_min, reopen_max } = this.options.timeouts;
    const failures = this.failures++;
    return failures === 0 ? 0 : Math.min(reopen_min * 2 ** (failures - 1), reopen_max);
  }

  private ranFor(): number {
    return Number(this.options.time.monotonicNs() - this.runningSinceNs) / 1e6;
  }
}
