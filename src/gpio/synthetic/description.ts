/** A synthetic chip as somebody asked for it, in the configuration or at run time. */
export interface SyntheticDescription {
  readonly name: string;
  /** As written: `hub:3-5`, `hub:DOOR_LOCK`, `hub:4=door-sensor` (line-spec.ts). */
  readonly lines: readonly string[];
  /** User and group of its socket, names or numbers; undefined: the daemon's own. */
  readonly owner?: string;
  readonly group?: string;
  /** Of its socket: octal digits, such as `0660`; undefined: the default. */
  readonly mode?: string;
  /** Leaves its lines to their parents and to other shared chips as well, to whoever requests first. */
  readonly shared: boolean;
}
