import { BridgeError } from '../../base/errors.js';
import type { PacketLink } from '../../link/packet-link.js';
import {
  decodeSrtm,
  encodeSrtm,
  SRTM_CMD,
  SRTM_DIRECTION,
  SRTM_DROP_REASONS,
  SRTM_EVENT,
  SRTM_RETCODE,
  type SrtmSetup,
} from '../../wire/srtm.js';
import { DIRECTION, IRQ_TYPE } from '../../wire/virtio-gpio.js';
import type { EdgeStats } from '../event-line.js';
import type { LineBackend } from '../line-backend.js';
import { type Outcome, REFUSED } from '../line-control.js';
import { type MessageCounters, MessageServer, newMessageCounters } from './message-server.js';
import { checkLineCount, OneShotController, type OneShotFeatures } from './one-shot-controller.js';
import { settled } from './settled.js';

export interface SrtmFeatures extends OneShotFeatures {
  /** Whether it knows DIRECTION_GET; older firmware does not. */
  readonly directionGet: boolean;
  /** Whether its messages are as long as the vendor kernel's; the SDK's firmware sends what has a meaning. */
  readonly padding: boolean;
}

/** The lines of one port. */
export interface SrtmPort {
  readonly backend: LineBackend;
  readonly stats?: readonly EdgeStats[];
}

export interface SrtmDeviceOptions {
  /** By number, 0..255. */
  readonly ports: ReadonlyMap<number, SrtmPort>;
  /** Of each port, 1..256. */
  readonly lineCount: number;
  readonly features: SrtmFeatures;
  /** Counted on over restarts; by default fresh. See {@link newSrtmCounters}. */
  readonly counters?: MessageCounters;
  /** Called before the messages of one read are processed. */
  readonly beforeMessages?: () => void;
}

/** Of messages without padding. */
const REPLY_LENGTH = 14;
const NOTIFICATION_LENGTH = 12;
const MOST_LINES = 256;
const MOST_PORTS = 256;

const IRQ_TYPES: Readonly<Record<number, number>> = {
  [SRTM_EVENT.NONE]: IRQ_TYPE.NONE,
  [SRTM_EVENT.RISING]: IRQ_TYPE.EDGE_RISING,
  [SRTM_EVENT.FALLING]: IRQ_TYPE.EDGE_FALLING,
  [SRTM_EVENT.BOTH]: IRQ_TYPE.EDGE_BOTH,
  [SRTM_EVENT.LOW]: IRQ_TYPE.LEVEL_LOW,
  [SRTM_EVENT.HIGH]: IRQ_TYPE.LEVEL_HIGH,
};

export function newSrtmCounters(): MessageCounters {
  const counters = newMessageCounters();
  counters.requests_refused = 0;
  counters.dropped_wrong_direction = 0;
  for (const reason of SRTM_DROP_REASONS) counters[dropName(reason)] = 0;
  return counters;
}

/**
 * The device side of NXP's SRTM GPIO service: the ports of one channel. Each setup is answered with
 * one reply for the same command, line and port, in the order of the setups.
 */
export class SrtmDevice {
  readonly counters: MessageCounters;
  /** By port. */
  readonly controllers: ReadonlyMap<number, OneShotController>;
  private readonly server: MessageServer;
  private readonly features: SrtmFeatures;

  /** Throws INVALID_ARGUMENT. */
  constructor(options: SrtmDeviceOptions) {
    const { lineCount, features } = options;
    checkLineCount('srtm', lineCount, MOST_LINES);
    this.features = features;
    this.counters = options.counters ?? newSrtmCounters();
    this.controllers = new Map(
      [...options.ports].map(([number, port]) => {
        checkPort(number);
        const send = (line: number) => this.notify(line, number);
        return [number, new OneShotController({ ...port, lineCount, features, send })];
      }),
    );
    this.server = new MessageServer({
      answer: (packet) => this.answer(packet),
      counters: this.counters,
      ...(options.beforeMessages === undefined ? {} : { beforeMessages: options.beforeMessages }),
    });
  }

  /** Serves a link, in place of the one before. The lines keep their state. */
  attach(link: PacketLink): void {
    this.server.attach(link);
  }

  /** Leaves the link: notifications find no channel, and mask their lines all the same. */
  detach(): void {
    this.server.detach();
  }

  /** Whether a driver was answered on the present channel. */
  get greeted(): boolean {
    return this.server.greeted;
  }

  private notify(line: number, port: number): boolean {
    // The SDK's only notification has the number of INPUT_INIT.
    const message = encodeSrtm({ type: 'notification', cmd: SRTM_CMD.INPUT_INIT, line, port });
    return this.server.notify(this.features.padding ? message : message.slice(0, NOTIFICATION_LENGTH));
  }

  private answer(packet: Uint8Array): Uint8Array | undefined | Promise<Uint8Array> {
    const message = decodeSrtm(packet);
    if (message.type !== 'setup') {
      const name = message.type === 'dropped' ? dropName(message.reason) : 'dropped_wrong_direction';
      this.counters[name]!++;
      return undefined;
    }
    const controller = this.controllers.get(message.port);
    if (controller === undefined || message.line >= controller.lineCount) {
      return this.refusal(message, SRTM_RETCODE.FAIL);
    }
    if (!this.knows(message.cmd)) return this.refusal(message, SRTM_RETCODE.UNSUPPORTED);
    return settled(
      () => execute(controller, message),
      (outcome) =>
        outcome === REFUSED
          ? this.refusal(message, SRTM_RETCODE.FAIL)
          : this.reply(message, SRTM_RETCODE.SUCCESS, outcome),
    );
  }

  private knows(cmd: number): boolean {
    return cmd < SRTM_CMD.DIRECTION_GET || (cmd === SRTM_CMD.DIRECTION_GET && this.features.directionGet);
  }

  private refusal(setup: SrtmSetup, retcode: number): Uint8Array {
    this.counters.requests_refused!++;
    return this.reply(setup, retcode, 0);
  }

  private reply({ cmd, line, port }: SrtmSetup, retcode: number, value: number): Uint8Array {
    const message = encodeSrtm({ type: 'reply', cmd, line, port, retcode, value });
    return this.features.padding ? message : message.slice(0, REPLY_LENGTH);
  }
}

/** `setup` has a command that is known, and a line that is there. */
function execute(controller: OneShotController, setup: SrtmSetup): Outcome | Promise<Outcome> {
  const { cmd, line, value, wakeup } = setup;
  switch (cmd) {
    case SRTM_CMD.INPUT_INIT: {
      const type = IRQ_TYPES[value];
      if (type === undefined || wakeup > 1) return REFUSED;
      if (controller.setWakeup(line, wakeup) === REFUSED && wakeup === 1) return REFUSED;
      return controller.becomeInput(line, type);
    }
    case SRTM_CMD.OUTPUT_INIT:
      return controller.becomeOutput(line, value);
    case SRTM_CMD.INPUT_GET:
      return controller.getValue(line);
    default: {
      const isOutput = controller.directionOf(line) === DIRECTION.OUT;
      return isOutput ? SRTM_DIRECTION.OUTPUT : SRTM_DIRECTION.INPUT;
    }
  }
}

function checkPort(port: number): void {
  if (Number.isInteger(port) && port >= 0 && port < MOST_PORTS) return;
  throw new BridgeError('INVALID_ARGUMENT', `port ${port}: srtm has ports 0 to ${MOST_PORTS - 1}`);
}

function dropName(reason: (typeof SRTM_DROP_REASONS)[number]): string {
  return `dropped_${reason.replaceAll('-', '_')}`;
}
