import { beforeEach, describe, expect, it } from 'vitest';
import { type Caller, CallTurns } from './call-turns.js';

/** A clock that calls move on: each takes as long as its client says. */
let nowNs: bigint;
let begun: string[];
beforeEach(() => {
  nowNs = 0n;
  begun = [];
});

const clock = { monotonicNs: () => nowNs, boottimeNs: () => nowNs, realtimeNs: () => nowNs };

class Client implements Caller {
  constructor(
    readonly name: string,
    public calls: number,
    readonly costMs: number,
  ) {}

  beginCall(): boolean {
    if (this.calls === 0) return false;
    this.calls--;
    nowNs += BigInt(this.costMs) * 1_000_000n;
    begun.push(this.name);
    return true;
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('CallTurns', () => {
  it('begins at once what is few and quick', () => {
    const turns = new CallTurns(clock);
    turns.ask(new Client('a', 3, 0));
    turns.ask(new Client('b', 2, 1));
    expect(begun).toEqual(['a', 'a', 'a', 'b', 'b']);
  });

  it('goes on in the next turn when calls take long, and lets clients begin in line', async () => {
    const turns = new CallTurns(clock);
    const many = new Client('many', 20, 2);
    turns.ask(many);
    turns.ask(new Client('b', 1, 2));
    turns.ask(new Client('c', 1, 2));
    expect(begun).toEqual(['many', 'many', 'many']);
    await turn();
    expect(begun.slice(3)).toEqual(['many', 'many', 'many']);
    await turn();
    expect(begun.slice(6)).toEqual(['b', 'c', 'many']);
    turns.leave(many);
  });

  it('gives each client in line some calls, however many one has', async () => {
    const turns = new CallTurns(clock);
    turns.ask(new Client('many', 1_000, 0));
    turns.ask(new Client('b', 1, 0));
    await turn();
    await turn();
    expect(begun.filter((name) => name === 'b')).toEqual(['b']);
    expect(begun.indexOf('b')).toBeLessThan(40);
    for (let i = 0; i < 100; i++) await turn();
    expect(begun).toHaveLength(1_001);
  });

  it('forgets a client that leaves', async () => {
    const turns = new CallTurns(clock);
    const gone = new Client('gone', 10, 6);
    turns.ask(gone);
    turns.leave(gone);
    await turn();
    expect(begun).toEqual(['gone']);
  });
});
