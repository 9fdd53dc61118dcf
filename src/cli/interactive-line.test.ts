import { describe, expect, it } from 'vitest';
import { completeInteractiveLine, INTERACTIVE_HELP, parseInteractiveLine } from './interactive-line.js';

const KNOWN = ['LED', 'FAN', 'a b'];

describe('parseInteractiveLine', () => {
  it.each([
    ['', { kind: 'nothing' }],
    ['  \t ', { kind: 'nothing' }],
    ['help', { kind: 'help' }],
    [' exit ', { kind: 'exit' }],
    ['get', { kind: 'get', ids: undefined }],
    ['get FAN "LED"', { kind: 'get', ids: ['FAN', 'LED'] }],
    ['toggle "a b" LED', { kind: 'toggle', ids: ['a b', 'LED'] }],
    [
      'set LED=on "a b"=0',
      {
        kind: 'set',
        values: [
          { id: 'LED', value: 1 },
          { id: 'a b', value: 0 },
        ],
      },
    ],
    ['sleep 5s', { kind: 'sleep', microseconds: 5_000_000 }],
  ])('%j', (line, command) => {
    expect(parseInteractiveLine(line, KNOWN)).toEqual(command);
  });

  it.each([
    ['got', "unknown command: 'got'\nTry the 'help' command"],
    ['get NOPE LED NADA', "unknown line: 'NOPE'\nunknown line: 'NADA'"],
    ['get "LED', "invalid line id: '\"LED'"],
    ['set', 'at least one GPIO line value must be specified'],
    ['set LED', "invalid line value: 'LED'"],
    ['set LED=2', "invalid line value: '2'"],
    ['set NOPE=1', "unknown line: 'NOPE'"],
    ['sleep', 'a period must be specified'],
    ['sleep 1 2', 'only one period can be specified'],
    ['sleep 1x', "invalid period: '1x'"],
    ['get LED FAN LED FAN', 'too many command parameters provided'],
  ])('%j is refused', (line, message) => {
    expect(() => parseInteractiveLine(line, KNOWN)).toThrow(new Error(message));
  });
});

describe('completeInteractiveLine', () => {
  it.each([
    ['', ['get ', 'set ', 'toggle ', 'sleep ', 'help ', 'exit '], ''],
    ['t', ['toggle '], 't'],
    ['get L', ['LED '], 'L'],
    ['get LED ', ['FAN ', 'a b '], ''],
    ['set F', ['FAN='], 'F'],
    ['set LED=a', ['active '], 'a'],
    ['set LED=1 ', ['FAN=', 'a b='], ''],
    ['sleep 1', [], '1'],
  ])('%j', (text, candidates, word) => {
    expect(completeInteractiveLine(text, KNOWN)).toEqual([candidates, word]);
  });
});

it('the help names every command', () => {
  for (const command of ['get', 'set', 'toggle', 'sleep', 'help', 'exit'])
    expect(INTERACTIVE_HELP).toMatch(new RegExp(`^ {4}${command}\\b`, 'm'));
});
