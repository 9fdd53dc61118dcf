import { describe, expect, it } from 'vitest';
import { fromHere } from './link-from-here.js';

describe('a link that was typed', () => {
  it.each([
    ['serial:d/tty?baud=9600', 'serial:/home/d/tty?baud=9600'],
    ['serial:./tty', 'serial:/home/tty'],
    ['serial:/dev/ttyS0?mode=plain', 'serial:/dev/ttyS0?mode=plain'],
    ['serial:', 'serial:'],
    ['unix:hub', 'unix:hub'],
    ['x', 'x'],
  ])('%s is %s', (typed, meant) => expect(fromHere(typed, '/home')).toBe(meant));
});
