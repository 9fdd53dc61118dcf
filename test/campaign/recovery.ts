/** Of what was disturbed: how long until an edge arrived that happened when all was in place again. */
export class Recovery {
  /** Longest, ms; undefined where nothing was disturbed, or nothing came back. */
  worstMs: number | undefined;
  /** When what was disturbed was in place again, ns since the epoch, as long as no edge of later came. */
  private readonly awaited: number[] = [];

  /** All is in place again since this moment. */
  began(backNs: number): void {
    this.awaited.push(backNs);
  }

  /** An edge came that happened at this time. What was kept, or was on its way, says nothing. */
  edge(timeNs: number, arrivedNs: number): void {
    while (this.awaited.length > 0 && this.awaited[0]! <= timeNs) {
      this.worstMs = Math.max(this.worstMs ?? 0, (arrivedNs - this.awaited.shift()!) / 1e6);
    }
  }

  /** Disturbances after which nothing came. */
  get missing(): number {
    return this.awaited.length;
  }
}
