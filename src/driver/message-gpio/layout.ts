/** What the configuration says of a controller whose firmware describes nothing. */
export interface PortLayout {
  /** SRTM's port; 0 in other dialects. */
  readonly port: number;
  readonly lineCount: number;
  /** By offset, from 0 on; undefined, '' or missing: unnamed. */
  readonly names: readonly (string | undefined)[];
  /** Lines that may wake the system up while their interrupt is enabled. */
  readonly wakeup: ReadonlySet<number>;
}
