/**
 * The number of the last edge taken of each line since its interrupt was enabled (EVENT_STAMP: `seq`, modulo
 * 2^32). A device may return an edge again after a resume; what is not newer was taken.
 */
export class EdgeNumbers {
  private readonly last: Uint32Array;

  constructor(lineCount: number) {
    this.last = new Uint32Array(lineCount);
  }

  /** The interrupt was enabled: the first edge is 1. */
  restart(line: number): void {
    this.last[line] = 0;
  }

  /** How far `seq` is beyond the last one taken; 0 or less: it is none of news. */
  ahead(line: number, seq: number): number {
    return (seq - this.last[line]!) | 0;
  }

  /** `seq` is the last one taken now. */
  take(line: number, seq: number): void {
    this.last[line] = seq;
  }
}
