import type { Level } from '../../src/driver/remote-gpio.js';
import type { LineEvent } from '../../src/events/edge-event.js';

interface TrueEdge {
  readonly level: Level;
  /** CLOCK_MONOTONIC just before it was made. */
  readonly atNs: bigint;
}

/**
 * What really happened on lines whose firmware cannot count, and what may be told of it: each edge
 * event stands for an edge that was made before it, in order, and never for one that another stands
 * for; and whoever reads events alone knows the level in the end, or knows that nobody does since the
 * channel broke.
 */
export class EdgeTruth {
  private readonly edges = new Map<number, TrueEdge[]>();
  private readonly levels = new Map<number, Level>();

  constructor(private readonly now: () => bigint) {}

  /** The line is about to be made to have this level. */
  made(line: number, level: Level): void {
    if (this.levelOf(line) === level) return;
    this.levels.set(line, level);
    const edges = this.edges.get(line) ?? [];
    edges.push({ level, atNs: this.now() });
    this.edges.set(line, edges);
  }

  levelOf(line: number): Level {
    return this.levels.get(line) ?? 0;
  }

  /** How many edges were made. */
  countOf(line: number): number {
    return this.edges.get(line)?.length ?? 0;
  }

  /**
   * What is wrong with the events of a request of both edges that was there from the start; `atEnd`
   * when all that could be told has been.
   */
  violations(events: readonly LineEvent[], lines: readonly number[], atEnd: boolean): string[] {
    return lines.flatMap((line) => this.violationsOf(line, events, atEnd));
  }

  private violationsOf(line: number, events: readonly LineEvent[], atEnd: boolean): string[] {
    const wrong: string[] = [];
    const edges = this.edges.get(line) ?? [];
    let next = 0;
    let known: Level | undefined = 0;
    let brokenSince = false;
    let lineSeqno = 0;
    for (const event of events) {
      if (event.offset !== undefined && event.offset !== line) continue;
      if (event.type === 'gap') {
        known = event.level;
        brokenSince = event.offset === undefined;
        continue;
      }
      const level: Level = event.edge === 'rising' ? 1 : 0;
      const name = `line ${line}: edge ${event.lineSeqno} (${event.edge})`;
      if (event.lineSeqno !== ++lineSeqno) wrong.push(`${name} is not number ${lineSeqno}`);
      if (event.lost !== null) wrong.push(`${name} claims that ${event.lost} were lost`);
      if (known === level) wrong.push(`${name} goes where the line was, and no gap is between`);
      while (next < edges.length && edges[next]!.level !== level) next++;
      const stands = edges[next++];
      if (stands === undefined) wrong.push(`${name} is invented: there were no more`);
      else if (stands.atNs > event.timestampNs) {
        wrong.push(`${name} is invented: it comes ${stands.atNs - event.timestampNs} ns before its edge`);
      }
      known = level;
    }
    const mayBeUnknown = brokenSince && known === undefined;
    if (atEnd && known !== this.levelOf(line) && !mayBeUnknown) {
      wrong.push(`line ${line} is ${this.levelOf(line)}, and events say ${known ?? 'nothing'}`);
    }
    return wrong;
  }
}
