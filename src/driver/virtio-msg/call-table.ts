import type { TimerHandle, Timers } from '../../base/clock.js';
import { BridgeError } from '../../base/errors.js';
import { type BusMessage, encodeBus } from '../../wire/virtio-msg/bus.js';
import type { Message } from '../../wire/virtio-msg/message.js';
import type { VqAvail, VqUsed } from '../../wire/virtio-msg/queue.js';
import { encodeTransport, type TransportMessage } from '../../wire/virtio-msg/transport.js';

type BusControl = Exclude<BusMessage, VqAvail | VqUsed>;
/** Distributes over the union, so that each member loses its token. */
type WithoutToken<T> = T extends unknown ? Omit<T, 'token'> : never;
/** A request of the driver, before it has a token. */
export type CallRequest = WithoutToken<
  Extract<TransportMessage | BusControl, { readonly type: `${string}-request` }>
>;
type ResponseType = Extract<Message, { readonly token: number; readonly type: `${string}-response` }>['type'];
export type ResponseOf<T extends ResponseType> = Extract<Message, { readonly type: T }>;

export interface CallTableOptions {
  readonly timers: Timers;
  /** Hands a message to the channel; false when it cannot be taken. */
  readonly send: (packet: Uint8Array) => boolean;
  /** Time limit `request`, ms. */
  readonly limitMs: number;
  /** Times a request is sent before it fails: more than once on a channel that may lose packets. */
  readonly attempts: number;
  /** Requests unanswered at a time; further ones wait for their turn. */
  readonly inFlight: number;
  /** For messages: the coprocessor. */
  readonly name: string;
  readonly firstToken: number;
}

interface PendingCall {
  readonly request: CallRequest;
  readonly expect: ResponseType;
  readonly devNum: number;
  readonly resolve: (response: Message) => void;
  readonly reject: (error: BridgeError) => void;
  attemptsLeft: number;
  token: number;
  timer: TimerHandle | undefined;
}

/** Requests of the driver outside the virtqueues, each with its token, its answer and its time limit. */
export class CallTable {
  private readonly pending = new Map<number, PendingCall>();
  private readonly waiting: PendingCall[] = [];
  private token: number;
  private ended: BridgeError | undefined;

  constructor(private readonly options: CallTableOptions) {
    this.token = options.firstToken & 0xffff;
  }

  /** The token of the next request: continued by whoever opens the next session of this channel. */
  get nextToken(): number {
    return this.token + 1;
  }

  /** Sends a request and waits for its answer. Rejects with TIMEOUT, or with what {@link end} was given. */
  call<T extends ResponseType>(request: CallRequest, expect: T): Promise<ResponseOf<T>> {
    return new Promise((resolve, reject) => {
      if (this.ended !== undefined) {
        reject(this.ended);
        return;
      }
      const call: PendingCall = {
        request,
        expect,
        devNum: 'devNum' in request ? request.devNum : 0,
        resolve: resolve as (response: Message) => void,
        reject,
        attemptsLeft: this.options.attempts,
        token: 0,
        timer: undefined,
      };
      if (this.pending.size < this.options.inFlight) this.launch(call);
      else this.waiting.push(call);
    });
  }

  /** Gives an answer to the request it belongs to; false when nothing waits for it. */
  settle(response: ResponseOf<ResponseType>): boolean {
    const call = this.pending.get(response.token);
    if (call === undefined || call.expect !== response.type) return false;
    if ('devNum' in response && response.devNum !== call.devNum) return false;
    this.finish(call);
    call.resolve(response);
    this.launchNext();
    return true;
  }

  /** Rejects everything, now and from now on. */
  end(error: BridgeError): void {
    this.ended = error;
    const calls = [...this.pending.values(), ...this.waiting.splice(0)];
    for (const call of calls) {
      this.finish(call);
      call.reject(error);
    }
  }

  private launch(call: PendingCall): void {
    do this.token = (this.token + 1) & 0xffff;
    while (this.token === 0 || this.pending.has(this.token));
    call.token = this.token;
    call.attemptsLeft--;
    this.pending.set(call.token, call);
    this.options.send(encodeCall(call.request, call.token));
    call.timer = this.options.timers.set(
      () => this.expire(call),
      this.options.limitMs / this.options.attempts,
    );
  }

  private expire(call: PendingCall): void {
    this.finish(call);
    if (call.attemptsLeft > 0) {
      this.launch(call);
      return;
    }
    const { name, limitMs } = this.options;
    const device = call.devNum === 0 ? '' : ` of device ${call.devNum}`;
    call.reject(
      new BridgeError(
        'TIMEOUT',
        `${name}: no answer to the ${call.request.type}${device} within ${limitMs} ms (time limit request)`,
      ),
    );
    this.launchNext();
  }

  private finish(call: PendingCall): void {
    if (call.timer !== undefined) this.options.timers.clear(call.timer);
    call.timer = undefined;
    this.pending.delete(call.token);
  }

  private launchNext(): void {
    while (this.ended === undefined && this.pending.size < this.options.inFlight) {
      const next = this.waiting.shift();
      if (next === undefined) return;
      this.launch(next);
    }
  }
}

/** The encoded request. */
export function encodeCall(request: CallRequest, token: number): Uint8Array {
  const message = { ...request, token } as TransportMessage | BusControl;
  return 'devNum' in message && message.type !== 'event-device'
    ? encodeTransport(message as TransportMessage)
    : encodeBus(message as BusControl);
}
