/** Of the connections of a socket, the last part is for users who have fewer than that part. */
const RESERVED_PART = 1 / 8;

/**
 * Who may connect to a socket: there are so many places, and one user cannot have them all, so that
 * nobody keeps the others of his group out by connecting.
 */
export class Admission {
  readonly #places: number;
  readonly #reserved: number;
  readonly #byUser = new Map<number, number>();
  #taken = 0;

  constructor(places: number) {
    this.#places = places;
    this.#reserved = Math.floor(places * RESERVED_PART);
  }

  /** Takes a place for this user, if there is one. */
  enter(uid: number): boolean {
    const own = this.#byUser.get(uid) ?? 0;
    if (this.#taken >= this.#places) return false;
    if (this.#taken >= this.#places - this.#reserved && own >= this.#reserved) return false;
    this.#taken++;
    this.#byUser.set(uid, own + 1);
    return true;
  }

  /** Gives a place back that this user had. */
  leave(uid: number): void {
    const own = this.#byUser.get(uid) ?? 0;
    if (own === 0) return;
    this.#taken--;
    if (own === 1) this.#byUser.delete(uid);
    else this.#byUser.set(uid, own - 1);
  }
}
