import { describe, expect, it } from 'vitest';
import { fuzzMessages } from '../support/vhost-user/fuzz/fuzz-messages.js';
import { fuzzRings } from '../support/vhost-user/fuzz/fuzz-rings.js';
import { fuzzSocket } from '../support/vhost-user/fuzz/fuzz-socket.js';

describe('a hostile virtual machine', () => {
  it('reaches the device with nothing but what its rings say, in 20,000 forged rings', () => {
    const { buffers, broken } = fuzzRings(20_000, 1);
    expect(Math.min(buffers, broken)).toBeGreaterThan(2_000);
  });

  it('does no harm by 10,000 messages of its hypervisor', async () => {
    const { violations, started } = await fuzzMessages(10_000, 2);
    expect(violations).toBeGreaterThan(500);
    expect(started).toBeGreaterThan(100);
  });

  it('is hung up on by 1,000 messages of nonsense, and the next one served', async () => {
    expect((await fuzzSocket(1_000, 3)).connections).toBeGreaterThan(10);
  });
});
