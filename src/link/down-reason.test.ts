import { expect, it } from 'vitest';
import { downReason } from './down-reason.js';

it.each(['the other end closed the connection', 'serial:/dev/ttyACM0: the other end closed the connection'])(
  'says the name of the link once: %s',
  (reason) => {
    const link = { name: 'serial:/dev/ttyACM0' };
    expect(downReason(link, { reason })).toBe('serial:/dev/ttyACM0: the other end closed the connection');
  },
);
