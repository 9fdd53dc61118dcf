/** A synthetic chip's claim to a line of its parent. */
export interface Reservation {
  /** Name of the synthetic chip, and the offset that the line has there. */
  readonly chip: string;
  readonly offset: number;
  /** Leaves the line to others that also share it, and to requests through the parent. */
  readonly shared: boolean;
}

/** The synthetic chips that lines of one chip belong to: one each, or several that share. */
export class LineReservations {
  readonly #lines = new Map<number, Reservation[]>();

  /** The chip that has the line to itself or shares it; undefined where there is none. */
  holderOf(line: number): Reservation | undefined {
    return this.#lines.get(line)?.[0];
  }

  /** The chip that has the line to itself. */
  exclusiveHolderOf(line: number): Reservation | undefined {
    const first = this.holderOf(line);
    return first?.shared === false ? first : undefined;
  }

  /** The reservation that is in the way of this one. */
  conflict(line: number, wanted: Reservation): Reservation | undefined {
    return this.#lines
      .get(line)
      ?.find((other) => !other.shared || !wanted.shared || other.chip === wanted.chip);
  }

  has(line: number, reservation: Reservation): boolean {
    return this.#lines.get(line)?.includes(reservation) ?? false;
  }

  add(line: number, reservation: Reservation): void {
    this.#lines.set(line, [...(this.#lines.get(line) ?? []), reservation]);
  }

  delete(line: number, reservation: Reservation): void {
    const left = this.#lines.get(line)?.filter((other) => other !== reservation) ?? [];
    if (left.length === 0) this.#lines.delete(line);
    else this.#lines.set(line, left);
  }
}
