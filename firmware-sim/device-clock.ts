/** The clock of one boot of the firmware: from 0, at a rate of its own. */
export class DeviceClock {
  /** A moment of the world, and what the clock showed then. */
  private worldNs: number;
  private deviceNs = 0;
  private rate: number;

  /** `ppm`: how many microseconds a second it gains on the world. */
  constructor(
    readonly bootNs: number,
    ppm: number,
  ) {
    this.worldNs = bootNs;
    this.rate = 1 + ppm / 1e6;
  }

  /** What the clock shows at a moment of world time; whole nanoseconds, as both. */
  at(worldNs: number): number {
    const passed = worldNs - this.worldNs;
    return this.deviceNs + (this.rate === 1 ? passed : Math.round(passed * this.rate));
  }

  /** Changes its rate from `worldNs` on; it shows no jump. */
  setDrift(ppm: number, worldNs: number): void {
    this.deviceNs = this.at(worldNs);
    this.worldNs = worldNs;
    this.rate = 1 + ppm / 1e6;
  }
}
