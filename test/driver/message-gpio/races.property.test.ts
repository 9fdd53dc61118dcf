import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BridgeError } from '../../../src/base/errors.js';
import type { MessageDialect } from '../../../src/driver/dialect.js';
import { LossAccount } from '../../../src/events/loss-account.js';
import type { Sensed } from '../../../src/events/sensed.js';
import { MessageRig } from './message-rig.js';
import { RacingFirmware, REFUSING_LINE } from './racing-firmware.js';

/** Line that is high for ever, low for ever, driven by us, and watched. */
const [HIGH, LOW, OUTPUT] = [5, 4, 6];
const WATCHED = [0, 1, 2];

type Action =
  | { readonly kind: 'toggle'; readonly line: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'ask'; readonly what: number }
  | { readonly kind: 'set'; readonly level: 0 | 1 }
  | { readonly kind: 'stall'; readonly ms: number }
  | { readonly kind: 'lose'; readonly replies: number };

const quick = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('toggle' as const), line: fc.constantFrom(...WATCHED) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 8 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('ask' as const), what: fc.nat(4) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('set' as const),
      level: fc.constantFrom(0 as const, 1 as const),
    }),
  },
);
const trouble = fc.oneof(
  fc.record({ kind: fc.constant('stall' as const), ms: fc.integer({ min: 1, max: 6_000 }) }),
  fc.record({ kind: fc.constant('lose' as const), replies: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 100, max: 3_000 }) }),
);
const history = (withTrouble: boolean): fc.Arbitrary<Action[]> =>
  fc.array(
    withTrouble ? fc.oneof({ weight: 12, arbitrary: quick }, { weight: 1, arbitrary: trouble }) : quick,
    {
      minLength: 5,
      maxLength: 120,
    },
  );
/** Firmware that is never quick, and takes a while for some answers. */
const slowAction = fc.oneof(
  { weight: 8, arbitrary: quick },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 100, max: 3_000 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('lose' as const), replies: fc.integer({ min: 1, max: 2 }) }),
  },
);
const slowHistory = fc.array(slowAction, { minLength: 5, maxLength: 40 });
const slowLatencies = fc.array(fc.integer({ min: 600, max: 900 }), { minLength: 1, maxLength: 5 });
const latencies = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 });
const deferrals = fc.array(fc.constantFrom(0, 0.3, 0.9), { minLength: 1, maxLength: 5 });

class Scene {
  readonly rig: MessageRig;
  readonly firmware: RacingFirmware;
  readonly wrong: string[] = [];
  private wanted: 0 | 1 = 0;
  private asks = 0;

  constructor(
    dialect: MessageDialect,
    latches: boolean,
    delays: readonly number[],
    defers: readonly number[],
    /** Answers take most of their limit: everything takes long. */
    private readonly isSlow = false,
    /** The endpoint can be made anew. */
    isRenewable = false,
  ) {
    this.rig = new MessageRig({ dialect });
    this.firmware = new RacingFirmware(this.rig.time, this.rig.link, dialect, latches, delays, defers);
    this.firmware.pins[HIGH]!.level = 1;
    if (isRenewable) this.rig.link.makeRenewable();
  }

  async begin(): Promise<void> {
    const { rig } = this;
    rig.bus.attach(rig.link);
    rig.link.up();
    await this.until(() => rig.isUp, 'up');
    const works = [
      () => rig.remote.setDirection(OUTPUT, 'output'),
      ...WATCHED.map((line) => () => rig.remote.enableInterrupt(line, 'both')),
    ];
    const ready = this.isSlow ? oneByOne(works) : Promise.all(works.map((work) => work()));
    let isReady = false;
    void ready.then(() => {
      isReady = true;
    });
    await this.until(() => isReady, 'lines');
    this.asks = 0;
  }

  private until(condition: () => boolean, what: string): Promise<void> {
    return this.isSlow ? this.rig.until(condition, what, 120_000, 10) : this.rig.until(condition, what);
  }

  async play(actions: readonly Action[]): Promise<void> {
    for (const action of actions) {
      await this.act(action);
      await this.rig.settle(1);
    }
    // Whatever was wrong is over, and everything has had time.
    this.firmware.loseReplies = 0;
    const longer = this.isSlow ? 5 : 1;
    await this.rig.advance(12_000 * longer, 20 * longer);
    await this.rig.until(() => this.rig.isUp && this.asks === 0, 'quiet', 30_000 * longer, 20);
    await this.rig.advance(4_000 * longer, 20 * longer);
  }

  private async act(action: Action): Promise<void> {
    const { rig, firmware } = this;
    switch (action.kind) {
      case 'toggle':
        firmware.setPin(action.line, firmware.pins[action.line]!.level === 1 ? 0 : 1);
        break;
      case 'wait':
        await rig.advance(action.ms, action.ms > 50 ? 10 : 0.5);
        break;
      case 'stall':
        firmware.stall(action.ms);
        break;
      case 'lose':
        firmware.loseReplies = action.replies;
        break;
      case 'set':
        // Refused at once, and nothing is remembered.
        if (!rig.isUp) break;
        this.wanted = action.level;
        this.expectAnswer(rig.remote.setValue(OUTPUT, action.level), undefined);
        break;
      case 'ask':
        this.ask(action.what);
        break;
    }
  }

  /** Answers differ by what was asked, so that one taken for another shows. */
  private ask(what: number): void {
    const { remote } = this.rig;
    if (what === 0) this.expectAnswer(remote.getValue(HIGH), 1);
    else if (what === 1) this.expectAnswer(remote.getValue(LOW), 0);
    else if (what === 2) this.expectAnswer(remote.getDirection(LOW), 'input');
    else if (what === 3) this.expectAnswer(remote.getDirection(OUTPUT), 'output');
    else this.expectAnswer(remote.getValue(REFUSING_LINE), 'refusal');
  }

  private expectAnswer(asked: Promise<unknown>, right: unknown): void {
    this.asks++;
    asked
      .then(
        (answer) => this.check(answer, right),
        (error: unknown) => {
          const name = error instanceof BridgeError ? error.name : String(error);
          if (name === 'DEVICE_ERROR') this.check('refusal', right);
          else if (name !== 'TIMEOUT' && name !== 'LINK_DOWN') this.wrong.push(name);
        },
      )
      .finally(() => {
        this.asks--;
      });
  }

  private check(answer: unknown, right: unknown): void {
    if (answer !== right) this.wrong.push(`${String(answer)} for ${String(right)}`);
  }

  /** What a request on these lines would be told. */
  sensed(): Sensed[] {
    const account = new LossAccount();
    return this.rig.told.flatMap(({ item, atMs }) => account.take([item], BigInt(Math.round(atMs * 1e6))));
  }

  verify(): void {
    expect(this.wrong).toEqual([]);
    const sensed = this.sensed();
    for (const line of WATCHED) this.verifyLine(line, sensed);
    expect(this.firmware.pins[OUTPUT]).toMatchObject({ level: this.wanted, direction: 1 });
  }

  private verifyLine(line: number, sensed: readonly Sensed[]): void {
    const { firmware } = this;
    const edges = sensed.filter((event) => event.kind === 'edge' && event.line === line);
    expect(edges.length).toBeLessThanOrEqual(firmware.interruptsSent[line]!);
    // Each edge is one that the line made, in order and not before it.
    const changes = firmware.changes.filter((change) => change.line === line);
    let at = 0;
    for (const edge of edges) {
      if (edge.kind !== 'edge') continue;
      while (at < changes.length && changes[at]!.level !== edge.level) at++;
      expect(at, `an edge to ${edge.level} that the line did not make`).toBeLessThan(changes.length);
      expect(Number(edge.timeNs) / 1e6).toBeGreaterThanOrEqual(changes[at]!.atMs);
      expect(edge.lost).toBeNull();
      at++;
    }
    // The last that was told of the level is right.
    const account = new LevelWatch(line);
    for (const event of sensed) account.take(event);
    if (account.level !== undefined) expect(account.level).toBe(firmware.pins[line]!.level);
    else expect(this.lastLevelRead(line)).toBe(firmware.pins[line]!.level);
  }

  private lastLevelRead(line: number): number | undefined {
    const last = this.rig.items.findLast((item) => item.kind === 'level' && item.line === line);
    return last?.kind === 'level' ? (last.level ?? undefined) : undefined;
  }
}

/** What somebody who only sees events knows of a level. */
class LevelWatch {
  level: number | undefined;
  constructor(private readonly line: number) {}
  take(event: Sensed): void {
    if (event.kind === 'gap' && event.line === undefined) this.level = undefined;
    else if (event.line === this.line) this.level = event.level;
  }
}

/** Each as often as it takes: where answers are slow, a turn may not come within the limit. */
async function oneByOne(works: readonly (() => Promise<void>)[]): Promise<void> {
  for (const work of works) {
    let isDone = false;
    while (!isDone) {
      isDone = await work().then(
        () => true,
        () => false,
      );
    }
  }
}

const dialects: MessageDialect[] = ['rpmsg-gpio', 'rpmsg-gpio-v14', 'srtm'];

describe.each(dialects)('%s against firmware that races', (dialect) => {
  const run = (withTrouble: boolean, numRuns: number, isRenewable = false) =>
    fc.assert(
      fc.asyncProperty(
        history(withTrouble),
        fc.boolean(),
        latencies,
        deferrals,
        async (actions, latches, delays, defers) => {
          const scene = new Scene(dialect, latches, delays, defers, false, isRenewable);
          await scene.begin();
          await scene.play(actions);
          scene.verify();
          scene.rig.bus.close();
        },
      ),
      { numRuns },
    );

  it('invents no edge, tells every wrong level, and takes no answer for another', () => run(false, 60));
  it('neither after stalls, late and lost replies', () => run(true, 60));
  it('nor where the endpoint is made anew after them', () => run(true, 60, true));
  it('neither where every answer takes most of its limit', () =>
    fc.assert(
      fc.asyncProperty(
        slowHistory,
        fc.boolean(),
        slowLatencies,
        deferrals,
        async (actions, latches, delays, defers) => {
          const scene = new Scene(dialect, latches, delays, defers, true);
          await scene.begin();
          await scene.play(actions);
          scene.verify();
          scene.rig.bus.close();
        },
      ),
      { numRuns: 30 },
    ));
});
