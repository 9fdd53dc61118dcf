import type { PacketLink } from '../../link/packet-link.js';
import {
  decodeRpmsgGpioRequest,
  encodeRpmsgGpioInterrupt,
  encodeRpmsgGpioReply,
  RPMSG_GPIO_CMD,
  RPMSG_GPIO_DROP_REASONS,
  type RpmsgGpioForm,
  type RpmsgGpioRequest,
} from '../../wire/rpmsg-gpio.js';
import { RESPONSE } from '../../wire/virtio-gpio.js';
import type { EdgeStats } from '../event-line.js';
import type { LineBackend } from '../line-backend.js';
import { type Outcome, REFUSED } from '../line-control.js';
import { type MessageCounters, MessageServer, newMessageCounters } from './message-server.js';
import { checkLineCount, OneShotController, type OneShotFeatures } from './one-shot-controller.js';
import { settled } from './settled.js';

export interface RpmsgGpioDeviceOptions {
  readonly form: RpmsgGpioForm;
  /** 1..65536; with v14, whose interrupts name a line by one byte, 1..256. */
  readonly lineCount: number;
  readonly backend: LineBackend;
  /** `wakeup` is of v14 alone. */
  readonly features: OneShotFeatures;
  readonly stats?: readonly EdgeStats[];
  /** Counted on over restarts; by default fresh. See {@link newRpmsgGpioCounters}. */
  readonly counters?: MessageCounters;
  /** Called before the messages of one read are processed. */
  readonly beforeMessages?: () => void;
}

const MOST_LINES: Readonly<Record<RpmsgGpioForm, number>> = { 'rpmsg-gpio': 65_536, 'rpmsg-gpio-v14': 256 };

export function newRpmsgGpioCounters(): MessageCounters {
  const counters = newMessageCounters();
  counters.requests_refused = 0;
  for (const reason of RPMSG_GPIO_DROP_REASONS) counters[dropName(reason)] = 0;
  return counters;
}

/**
 * The device side of rpmsg-gpio: one controller on one channel. Requests are answered in their
 * order, each with one reply; one that makes no sense with status ERR; what is no request with nothing.
 */
export class RpmsgGpioDevice {
  readonly counters: MessageCounters;
  readonly controller: OneShotController;
  private readonly form: RpmsgGpioForm;
  private readonly server: MessageServer;

  /** Throws INVALID_ARGUMENT. */
  constructor(options: RpmsgGpioDeviceOptions) {
    const { form, lineCount, features } = options;
    checkLineCount(form, lineCount, MOST_LINES[form]);
    this.form = form;
    this.counters = options.counters ?? newRpmsgGpioCounters();
    this.controller = new OneShotController({
      ...options,
      features: { ...features, wakeup: features.wakeup && form === 'rpmsg-gpio-v14' },
      send: (line, type) => this.server.notify(encodeRpmsgGpioInterrupt(form, line, type)),
    });
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

  /** Leaves the link: interrupts find no channel, and mask their lines all the same. */
  detach(): void {
    this.server.detach();
  }

  /** Whether a driver was answered on the present channel. */
  get greeted(): boolean {
    return this.server.greeted;
  }

  private answer(packet: Uint8Array): Uint8Array | undefined | Promise<Uint8Array> {
    const request = decodeRpmsgGpioRequest(packet);
    if (request.type === 'dropped') {
      this.counters[dropName(request.reason)]!++;
      return undefined;
    }
    return settled(
      () => this.execute(request),
      (outcome) => this.reply(outcome),
    );
  }

  private reply(outcome: Outcome): Uint8Array {
    if (outcome !== REFUSED) return encodeRpmsgGpioReply(this.form, RESPONSE.OK, outcome);
    this.counters.requests_refused!++;
    return encodeRpmsgGpioReply(this.form, RESPONSE.ERR, 0);
  }

  private execute({ cmd, line, value }: RpmsgGpioRequest): Outcome | Promise<Outcome> {
    const { controller } = this;
    if (line >= controller.lineCount) return REFUSED;
    switch (cmd) {
      case RPMSG_GPIO_CMD.GET_DIRECTION:
        return controller.directionOf(line);
      case RPMSG_GPIO_CMD.SET_DIRECTION:
        return controller.setDirection(line, value);
      case RPMSG_GPIO_CMD.GET_VALUE:
        return controller.getValue(line);
      case RPMSG_GPIO_CMD.SET_VALUE:
        return controller.setValue(line, value);
      case RPMSG_GPIO_CMD.SET_IRQ_TYPE:
        return controller.setInterrupt(line, value);
      case RPMSG_GPIO_CMD.SET_WAKEUP:
        return controller.setWakeup(line, value);
      default:
        return REFUSED;
    }
  }
}

function dropName(reason: (typeof RPMSG_GPIO_DROP_REASONS)[number]): string {
  return `dropped_${reason.replaceAll('-', '_')}`;
}
