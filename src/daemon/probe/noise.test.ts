import { expect, it } from 'vitest';
import { guessNoise } from './noise.js';

it.each([
  ['\r\nhub login: ', 'console'],
  ['\x1b[32m[    1.234567] \x1b[0musb 1-1: new device\r\n', 'console'],
  ['\u00ff\u0080\u0000a\u00f8\u0000\u00fe\u00c0', 'wrong-speed'],
  ['a', 'wrong-speed'],
])('takes %j for %s', (text, what) => {
  expect(guessNoise(Uint8Array.from(text, (char) => char.charCodeAt(0)))).toBe(what);
});
