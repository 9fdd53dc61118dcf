import type { Clock } from '../../base/clock.js';

/** A client with calls to begin. */
export interface Caller {
  /** Begins its next call, if there is one that may begin; whether there was. */
  beginCall(): boolean;
}

/** Time that calls may take before whatever else waits has its turn: links and their edges above all. */
const TURN_NS = 5_000_000n;

/** Calls of one client that are begun before those of others. */
const CALLS_PER_TURN = 16;

/**
 * Shares the daemon's time between the calls of all its clients and its other work: calls are begun
 * at once while there are few; when they take longer than a turn, clients wait in line for the next
 * ones, and each begins some in its place.
 */
export class CallTurns {
  readonly #clock: Clock;
  /** Clients that have more to begin, in line. */
  readonly #waiting = new Set<Caller>();
  #endsNs = 0n;
  #planned = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Begins what this client has to begin, now or in its turn. */
  ask(caller: Caller): void {
    if (!this.#planned) this.#startTurn();
    if (this.#waiting.size > 0) this.#waiting.add(caller);
    else this.#serve(caller);
  }

  /** Takes a client out of the line: it is gone. */
  leave(caller: Caller): void {
    this.#waiting.delete(caller);
  }

  #startTurn(): void {
    this.#endsNs = this.#clock.monotonicNs() + TURN_NS;
    this.#planned = true;
    // After what the event loop has to read now.
    setImmediate(() => {
      this.#planned = false;
      if (this.#waiting.size > 0) this.#turn();
    });
  }

  #turn(): void {
    this.#startTurn();
    // Those that are put in line again meanwhile come last.
    for (let left = this.#waiting.size; left > 0 && !this.#isOver(); left--) {
      const [first] = this.#waiting;
      if (first === undefined) return;
      this.#waiting.delete(first);
      this.#serve(first);
    }
  }

  #serve(caller: Caller): void {
    for (let begun = 0; begun < CALLS_PER_TURN; begun++) {
      if (!caller.beginCall()) return;
      if (this.#isOver()) break;
    }
    this.#waiting.add(caller);
  }

  #isOver(): boolean {
    return this.#clock.monotonicNs() >= this.#endsNs;
  }
}
