import { NOTIFICATION, type WireChipState, type WireLineChange } from '../schema.js';

/** A change that a connection watches for. */
export type Notice =
  | { readonly kind: 'state'; readonly state: WireChipState }
  | { readonly kind: 'line'; readonly change: WireLineChange };

/** A bounded queue of changes; of line changes that had to go, the next one says how many. */
export class NoticeQueue {
  #items: Notice[] = [];
  #lost = 0;
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get isEmpty(): boolean {
    return this.#items.length === 0;
  }

  push(notice: Notice): void {
    this.#items.push(notice);
    if (this.#items.length <= this.#limit) return;
    // A lost state is made good by the next one; line changes are counted.
    if (this.#items.shift()!.kind === 'line') this.#lost++;
  }

  /** Takes the oldest as method and parameters of a notification. */
  take(): readonly [method: string, params: readonly unknown[]] | undefined {
    const notice = this.#items.shift();
    if (notice === undefined) return undefined;
    if (notice.kind === 'state') return [NOTIFICATION.CHIP_STATE, [notice.state]];
    const change = { ...notice.change, lost: this.#lost };
    this.#lost = 0;
    return [NOTIFICATION.LINE_CHANGE, [change]];
  }
}
