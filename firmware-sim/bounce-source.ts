import type { EdgeSource } from './edge-sources.js';
import type { SimulatedPins } from './pins.js';
import type { Random } from './random.js';

/** Contacts of switches rest this long between two bounces, evenly distributed, ns. */
export const BOUNCE_MIN_NS = 50_000;
export const BOUNCE_MAX_NS = 2_000_000;

/** A mechanical contact: every period it changes level, in an odd number of edges with short random pauses. */
export class BounceSource implements EdgeSource {
  nextNs: number;
  /** When the contact began, or begins, to change. */
  private contactNs: number;
  private edgesLeft: number;

  constructor(
    private readonly pins: SimulatedPins,
    private readonly line: number,
    private readonly periodNs: number,
    private readonly edges: number,
    private readonly random: Random,
    startNs: number,
  ) {
    this.contactNs = startNs + periodNs;
    this.nextNs = this.contactNs;
    this.edgesLeft = edges;
  }

  fire(deviceNs: number): void {
    this.pins.toggle(this.line, deviceNs);
    this.edgesLeft--;
    if (this.edgesLeft > 0) {
      this.nextNs += BOUNCE_MIN_NS + this.random.below(BOUNCE_MAX_NS - BOUNCE_MIN_NS + 1);
      return;
    }
    this.edgesLeft = this.edges;
    this.contactNs += this.periodNs;
    this.nextNs = this.contactNs;
  }
}
