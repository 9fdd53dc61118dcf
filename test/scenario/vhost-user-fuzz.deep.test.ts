import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { liveBytes } from '../support/live-bytes.js';
import { fuzzMessages } from '../support/vhost-user/fuzz/fuzz-messages.js';
import { fuzzRings } from '../support/vhost-user/fuzz/fuzz-rings.js';
import { fuzzSocket } from '../support/vhost-user/fuzz/fuzz-socket.js';

/** To run one again: put the seed that was printed here. */
const seed = randomInt(0x1_0000_0000);
const MB = 1e6;

describe(`1,050,000 cases of a hostile virtual machine, seed ${seed}`, () => {
  it('change nothing outside its memory, and leave the memory of this process flat', async () => {
    console.log(`vhost-user fuzz: seed ${seed}`);
    fuzzRings(20_000, seed);
    await fuzzMessages(20_000, seed);
    const before = liveBytes();
    const rings = fuzzRings(750_000, seed);
    const messages = await fuzzMessages(250_000, seed + 1);
    const socket = await fuzzSocket(50_000, seed + 2);
    console.log(JSON.stringify({ rings, messages, socket }));
    expect(rings.cases + messages.cases + socket.cases).toBeGreaterThanOrEqual(1_000_000);
    expect(liveBytes() - before).toBeLessThan(8 * MB);
  }, 1_200_000);
});
