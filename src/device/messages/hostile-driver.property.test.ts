import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memoryLinkPair } from '../../link/memory.js';
import { decodeRpmsgGpioAnswer, RPMSG_GPIO_FORMS } from '../../wire/rpmsg-gpio.js';
import { decodeSrtm } from '../../wire/srtm.js';
import type { LineBackend } from '../line-backend.js';
import type { MessageCounters } from './message-server.js';
import { RpmsgGpioDevice } from './rpmsg-gpio-device.js';
import { SrtmDevice } from './srtm-device.js';

const FEATURES = { irq: true, latch: true, wakeup: true, directionGet: true, padding: false };
const LINES = 4;

/** Answers at once or later, and now and then fails. */
class Whimsical implements LineBackend {
  private calls = 0;

  setDirection(): void | Promise<void> {
    return this.whim();
  }
  setValue(): void | Promise<void> {
    return this.whim();
  }
  getValue(): 0 | 1 | Promise<0 | 1> {
    const done = this.whim();
    return done instanceof Promise ? done.then(() => 1 as const) : 0;
  }
  setInterrupt(): void | Promise<void> {
    return this.whim();
  }
  reset(): void {}

  private whim(): void | Promise<void> {
    switch (this.calls++ % 5) {
      case 1:
        return Promise.resolve();
      case 2:
        throw new Error('a whim');
      case 3:
        return Promise.reject(new Error('a late whim'));
      default:
        return undefined;
    }
  }
}

const byte = fc.nat(255);
const small = fc.nat(LINES + 1);
const rpmsgRequest = fc
  .tuple(fc.oneof(fc.integer({ min: 1, max: 7 }), fc.constant(0x10), byte), small, fc.nat(9))
  .map(([cmd, line, value]) => Uint8Array.of(cmd, 0, line, 0, value, 0, 0, 0));
const srtmMessage = fc
  .tuple(fc.nat(3), fc.nat(5), small, fc.nat(1), fc.nat(7), fc.nat(2), fc.boolean())
  .map(([type, cmd, line, port, first, second, padded]) =>
    Uint8Array.of(5, 1, 0, type, cmd, 0, 0, 0, 0, 0, line, port, first, second, ...(padded ? [0, 0] : [])),
  );
const junk = fc.uint8Array({ maxLength: 20 });
const edge = fc.record({ line: fc.nat(LINES - 1), level: fc.constantFrom(0, 1) });

type Step = Uint8Array | { readonly line: number; readonly level: number };
const history = (request: fc.Arbitrary<Uint8Array>) =>
  fc.array(fc.oneof<fc.Arbitrary<Step>[]>(request, request, junk, edge), { maxLength: 60 });

interface Device {
  readonly counters: MessageCounters;
  attach(link: ReturnType<typeof memoryLinkPair>[1]): void;
}

/** Feeds it all, and returns what came back when nothing more did. */
async function feed(
  device: Device,
  sense: (line: number, level: number) => void,
  steps: readonly Step[],
): Promise<Uint8Array[]> {
  const [host, ours] = memoryLinkPair({ clock: { monotonicNs: () => 0n }, queue: 1_000 });
  const came: Uint8Array[] = [];
  host.packets$.subscribe(({ packets }) => came.push(...packets));
  device.attach(ours);
  for (const step of steps) {
    if (step instanceof Uint8Array) await host.send(step);
    else sense(step.line, step.level);
  }
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
  return came;
}

function dropped(counters: MessageCounters): number {
  return Object.entries(counters).reduce((sum, [name, n]) => sum + (name.startsWith('dropped_') ? n : 0), 0);
}

describe('firmware that hears anything at all', () => {
  it.each(RPMSG_GPIO_FORMS)('answers every request of %s once, and nothing else', async (form) => {
    await fc.assert(
      fc.asyncProperty(history(rpmsgRequest), async (steps) => {
        const backend = new Whimsical();
        const device = new RpmsgGpioDevice({ form, lineCount: LINES, backend, features: FEATURES });
        const came = await feed(device, (line, level) => device.controller.edge(line, level), steps);
        const kinds = came.map((packet) => decodeRpmsgGpioAnswer(form, packet).type);
        const replies = kinds.filter((kind) => kind === 'reply').length;
        expect(kinds).not.toContain('dropped');
        expect(replies + dropped(device.counters)).toBe(device.counters.messages_received);
      }),
      { numRuns: 60 },
    );
  });

  it('answers every setup of srtm once, for what it asked, and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(history(srtmMessage), async (steps) => {
        const ports = new Map([0, 1].map((port) => [port, { backend: new Whimsical() }]));
        const device = new SrtmDevice({ ports, lineCount: LINES, features: FEATURES });
        const came = await feed(device, (line, level) => device.controllers.get(0)!.edge(line, level), steps);
        const asked = steps
          .flatMap((step) => (step instanceof Uint8Array ? [decodeSrtm(step)] : []))
          .filter((message) => message.type === 'setup');
        const replies = came.map(decodeSrtm).filter((message) => message.type === 'reply');
        const subject = ({ cmd, line, port }: { cmd: number; line: number; port: number }) =>
          `${cmd} ${line} ${port}`;
        expect(replies.map(subject)).toEqual(asked.map(subject));
        expect(replies.length + dropped(device.counters)).toBe(device.counters.messages_received);
      }),
      { numRuns: 60 },
    );
  });
});
