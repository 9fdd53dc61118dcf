import { describe, expect, it } from 'vitest';
import { HostileGuest } from './hostile-guest.js';

const NOBODY = '/nonexistent/gpiobridge.sock';

describe('a hostile guest whose victim is dead', () => {
  it('leaves others their turns, and is stopped', async () => {
    const hostile = new HostileGuest(NOBODY, 1);
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
    await hostile.stop();
    expect(hostile.guests).toBe(0);
  });

  it('says so in the end', async () => {
    const hostile = new HostileGuest(NOBODY, 1, 0);
    await expect(hostile.stop()).rejects.toThrow(/no connection to .*gpiobridge.sock for 0 ms/);
  });
});
