import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVENTQ, FEATURE, MSG, REQUESTQ } from '../../src/wire/virtio-gpio.js';
import { ModelOverChip } from '../support/model-over-chip.js';

const LINES = 3;
const NAMES = ['DOOR', 'LAMP', 'BUTTON'];
const RUNS = 100;

/** What is requested for an IRQ_TYPE. */
const EDGES: Readonly<Record<number, string>> = {
  0: 'none',
  1: 'rising',
  2: 'falling',
  3: 'both',
  4: 'both',
  8: 'both',
};

type Deed =
  | { readonly kind: 'ask'; readonly type: number; readonly line: number; readonly value: number }
  | { readonly kind: 'arm' | 'toggle' | 'host'; readonly line: number }
  | { readonly kind: 'break' | 'reboot' | 'unplug' | 'plug' | 'chip' | 'reset' | 'lose' | 'settle' }
  | { readonly kind: 'wait'; readonly ms: number };

const line = fc.integer({ min: 0, max: LINES - 1 });
const deeds: fc.Arbitrary<Deed[]> = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constant('ask' as const),
        type: fc.constantFrom(...Object.values(MSG), MSG.SET_DIRECTION, MSG.SET_IRQ_TYPE),
        line: fc.integer({ min: 0, max: LINES }),
        value: fc.constantFrom(0, 1, 2, 3, 4, 8),
      }),
    },
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constantFrom('arm' as const, 'toggle' as const, 'host' as const),
        line,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constantFrom(
          'break' as const,
          'reboot' as const,
          'unplug' as const,
          'plug' as const,
          'chip' as const,
          'reset' as const,
          'lose' as const,
          'settle' as const,
        ),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 2_000 }) }),
    },
  ),
  { maxLength: 40 },
);

/** A guest's history, and what it may expect at the end of it. */
class History {
  /** Requests since the last reset, which have to be answered; event buffers that may be. */
  private asked = new Set<number>();
  private armed = new Set<number>();
  private readonly chip;
  private host: { release(): Promise<void> } | undefined;
  private plugged = true;

  constructor(private readonly model: ModelOverChip) {
    this.chip = model.chip;
    model.start([FEATURE.IRQ]);
  }

  async act(deed: Deed): Promise<void> {
    const { model } = this;
    const { rig } = model;
    switch (deed.kind) {
      case 'ask':
        this.asked.add(model.request(deed.type, deed.line, deed.value));
        break;
      case 'arm':
        this.armed.add(model.arm(deed.line));
        break;
      case 'toggle':
        rig.coprocessor.drive(deed.line, rig.coprocessor.pin(deed.line).level === 0 ? 1 : 0);
        break;
      case 'host':
        await this.hostTakesOrGivesBack(deed.line);
        break;
      case 'break':
        if (this.plugged) rig.breakChannel();
        break;
      case 'reboot':
        rig.coprocessor.reboot();
        break;
      case 'unplug':
        this.plugged = false;
        await rig.link.close();
        break;
      case 'plug':
        this.plug();
        break;
      case 'chip':
        model.chip = model.chip === undefined ? this.chip : undefined;
        break;
      case 'reset':
        model.device.reset();
        this.asked = new Set();
        this.armed = new Set();
        model.returned.length = 0;
        model.start([FEATURE.IRQ]);
        break;
      case 'lose':
        model.loseGuest([FEATURE.IRQ]);
        this.asked = new Set();
        this.armed = new Set();
        break;
      case 'settle':
        await model.settle();
        break;
      case 'wait':
        await rig.advance(deed.ms, 250);
        break;
    }
  }

  /** Whatever it was, each request was answered once, and nothing else came back. */
  async judge(): Promise<void> {
    const { model } = this;
    await model.rig.advance(20_000, 500);
    const ids = (queue: number) => model.returned.filter((one) => one.queue === queue).map(({ id }) => id);
    expect(new Set(ids(REQUESTQ))).toEqual(this.asked);
    expect(ids(REQUESTQ)).toHaveLength(this.asked.size);
    expect(new Set(ids(EVENTQ)).size).toBe(ids(EVENTQ).length);
    expect(ids(EVENTQ).every((id) => this.armed.has(id))).toBe(true);
    for (let one = 0; one < LINES; one++) {
      const { sensed, delivered, overflowed, discarded } = model.device.statsOf(one);
      expect(sensed).toBe(delivered + overflowed + discarded + model.device.keptOf(one));
    }
  }

  /** When everything is there again the chip has what the guest made of it, and after its end nothing. */
  async judgeEnd(): Promise<void> {
    const { model } = this;
    await this.host?.release();
    model.chip = this.chip;
    this.plug();
    await model.rig.advance(20_000, 500);
    const wanted = Array.from({ length: LINES }, (_, one) => model.device.stateOf(one));
    expect(model.backend.requested).toEqual(
      wanted.flatMap(({ direction, irqType }, one) => (direction !== 0 || irqType !== 0 ? [one] : [])),
    );
    for (const [one, { direction, value, irqType }] of wanted.entries()) {
      expect(this.chip!.lineInfo(one).edges).toBe(EDGES[irqType]);
      if (direction === 1) {
        expect(model.rig.coprocessor.pin(one)).toMatchObject({ direction: 'output', level: value });
      }
    }
    model.device.reset();
    await model.rig.advance(5_000, 500);
    expect(model.backend.requested).toEqual([]);
    for (let one = 0; one < LINES; one++) {
      expect(this.chip!.lineInfo(one).used).toBe(false);
      expect(model.rig.coprocessor.pin(one).direction).not.toBe('output');
    }
  }

  private plug(): void {
    if (this.plugged) return;
    this.plugged = true;
    this.model.rig.connect();
  }

  private async hostTakesOrGivesBack(offset: number): Promise<void> {
    const held = this.host;
    this.host = undefined;
    if (held !== undefined) {
      void held.release();
      return;
    }
    const config = { direction: 'input', edges: 'none', activeLow: false, eventClock: 'monotonic' } as const;
    void this.chip!.requestLines({ consumer: 'host', offsets: [offset], config }).then(
      (request) => {
        if (this.host === undefined) this.host = request;
        else void request.release();
      },
      () => {},
    );
  }
}

describe('lines of a chip for a guest', () => {
  it('answer each request once, and are what the guest made of them, whatever happens', async () => {
    await fc.assert(
      fc.asyncProperty(deeds, async (history) => {
        const model = await ModelOverChip.open({ lines: LINES, names: NAMES });
        try {
          const guest = new History(model);
          for (const deed of history) await guest.act(deed);
          await guest.judge();
          await guest.judgeEnd();
        } finally {
          await model.close();
        }
      }),
      { numRuns: RUNS },
    );
  });
});
