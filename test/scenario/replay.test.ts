import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { askControl } from '../../firmware-sim/control-client.js';
import type { LineRequestClient, RequestEvent } from '../../src/api/client/types.js';
import type { EdgeEvent, Gap } from '../../src/events/edge-event.js';
import { built } from '../support/built.js';
import { Chain, PATIENT } from '../support/chain.js';
import { eventually, run, temporaryDirectory } from '../support/program.js';

const OFFSETS = Array.from({ length: 16 }, (_, offset) => offset);
/** This process may be slow to take what the daemon has for it, which is not what is told apart here. */
const UNHURRIED = `${PATIENT}[limits]\nclient_queue_events = 1048576\n`;
const CONFIG = { direction: 'input', edges: 'both', activeLow: false, eventClock: 'monotonic' } as const;

beforeAll(built);

/** Everything that a request was told, in order. */
class Recording {
  readonly events: RequestEvent[] = [];
  private readonly done: Promise<void>;

  private constructor(private readonly request: LineRequestClient) {
    this.done = this.follow();
  }

  static async start(chain: Chain): Promise<Recording> {
    const chip = await chain.chip();
    return new Recording(await chip.requestLines({ consumer: 'recorder', offsets: OFFSETS, config: CONFIG }));
  }

  /** Resolves when there are so many edges, with whatever else is asked of them. */
  async has(count: number, such: (edges: EdgeEvent[]) => boolean = () => true, what = ''): Promise<void> {
    await eventually(
      () => (this.edges.length >= count && such(this.edges) ? true : undefined),
      () => `${count} edges ${what}, not ${this.edges.length}`,
    );
  }

  async stop(): Promise<this> {
    await this.request.release();
    await this.done;
    return this;
  }

  get edges(): EdgeEvent[] {
    return this.events.filter((event) => event.type === 'edge');
  }

  get gaps(): Gap[] {
    return this.events.filter((event) => event.type === 'gap');
  }

  /** Edges and gaps in order, without what is of this run only. */
  get story(): unknown[] {
    return this.events.flatMap((event): unknown[] => {
      if (event.type === 'edge') {
        const { offset, edge, lost, seqno, lineSeqno, stampedBy } = event;
        return [{ offset, edge, lost, seqno, lineSeqno, stampedBy }];
      }
      return event.type === 'gap' ? [{ offset: event.offset, lost: event.lost, reason: event.reason }] : [];
    });
  }

  private async follow(): Promise<void> {
    for await (const events of this.request.events()) this.events.push(...events);
  }
}

/** Edges of one boot lie as far apart as they did, within what both runs say of their error. */
function expectSameTimes(first: readonly EdgeEvent[], again: readonly EdgeEvent[]): void {
  const worst = { beyondNs: Number.NEGATIVE_INFINITY, at: -1 };
  first.forEach((edge, i) => {
    const sinceFirst = edge.timestampNs - first[0]!.timestampNs;
    const sinceAgain = again[i]!.timestampNs - again[0]!.timestampNs;
    const bound = [edge, first[0]!, again[i]!, again[0]!].reduce((sum, one) => sum + one.uncertaintyNs!, 0);
    const beyondNs = Math.abs(Number(sinceFirst - sinceAgain)) - bound;
    if (beyondNs > worst.beyondNs) Object.assign(worst, { beyondNs, at: i });
  });
  expect(worst.beyondNs, `edge ${worst.at}`).toBeLessThanOrEqual(0);
}

/** The same for each part between two restarts of the firmware: the clock of each is measured anew. */
function boots(recording: Recording): EdgeEvent[][] {
  const parts: EdgeEvent[][] = [[]];
  for (const event of recording.events) {
    if (event.type === 'gap' && event.reason === 'firmware-restart') parts.push([]);
    if (event.type === 'edge') parts[parts.length - 1]!.push(event);
  }
  return parts.filter((part) => part.length > 0);
}

describe('a trace of a faulty session', () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  const chains: Chain[] = [];

  beforeEach(() => {
    directory = temporaryDirectory();
  });

  afterEach(async () => {
    for (const chain of chains.splice(0)) await chain.stop();
    directory.remove();
  });

  async function record(
    sim: readonly string[],
    enough: (recording: Recording, chain: Chain) => Promise<unknown>,
  ): Promise<Recording> {
    const daemon = ['--trace', directory.join('trace')];
    const chain = new Chain({ port: 'unix', sim, daemon, config: UNHURRIED });
    chains.push(chain);
    const recording = await Recording.start(chain);
    await enough(recording, chain);
    await recording.stop();
    expect(await chain.daemon.stop()).toBe(0);
    return recording;
  }

  async function replay(port: 'unix' | 'pty', options: string[] = []): Promise<Recording> {
    const chain = new Chain({ port, replay: [directory.join('trace'), ...options], config: UNHURRIED });
    chains.push(chain);
    const recording = await Recording.start(chain);
    const [, edges] = await chain.sim.waitFor(/replayed (\d+) edges/);
    await eventually(
      () => (recording.edges.length >= Number(edges) ? true : undefined),
      () => `${edges} edges, not ${recording.edges.length}`,
    );
    return recording.stop();
  }

  it('replayed gives the same events again: at its own pace, and as fast as can be', async () => {
    const sim = ['--stimulus', 'random:0-15:2000', '--fault', 'corrupt:0.001'];
    const first = await record(sim, async (recording, { control }) => {
      await recording.has(1_500);
      await askControl(control, { command: 'reboot' });
      await eventually(() => (recording.gaps.length > 0 ? true : undefined), 'the gap');
      await recording.has(recording.edges.length + 1_500);
    });
    const summary = await run(['decode', directory.join('trace'), '--summary']);
    expect(summary.stdout).toMatch(/damaged discarded crc/);
    expect(summary.stdout).toMatch(/data resent/);
    for (const again of [await replay('unix'), await replay('pty', ['--pace', 'fast'])]) {
      expect(again.story).toEqual(first.story);
      const parts = boots(again);
      boots(first).forEach((part, i) => {
        expectSameTimes(part, parts[i]!);
      });
    }
  });

  it('keeps the counts of what was lost', async () => {
    // Far more than the line carries: kept edges overflow in the coprocessor.
    const first = await record(
      ['--stimulus', 'random:0-15:200000', '--fault', 'corrupt:0.002'],
      (recording) =>
        recording.has(5_000, (edges) => edges.some(({ lost }) => lost !== null && lost > 0), 'some lost'),
    );
    const again = await replay('unix', ['--pace', 'fast']);
    expect(again.story).toEqual(first.story);
  });

  it('says of a driver that enables other lines what was left out', async () => {
    await record(['--stimulus', 'random:0-15:2000'], (recording) => recording.has(1_000));
    const chain = new Chain({ port: 'unix', replay: [directory.join('trace'), '--pace', 'fast'] });
    chains.push(chain);
    const chip = await chain.chip();
    await chip.requestLines({ consumer: 'one', offsets: [3], config: CONFIG });
    const [, edges, skipped] = await chain.sim.waitFor(/replayed (\d+) edges, (\d+) of lines nobody enabled/);
    expect(Number(edges)).toBeGreaterThan(0);
    expect(Number(skipped)).toBeGreaterThan(Number(edges));
  });
});
