import { describe, expect, it } from 'vitest';
import { banner } from './banner.js';
import { errorLines, ManyErrors, UsageError } from './errors.js';
import { helpText } from './help.js';
import { toJson } from './output.js';
import { closest, editDistance } from './suggest.js';

describe('banner', () => {
  it('reads as the tools write it', () => {
    expect(banner('Monitoring', ['a'])).toBe("Monitoring line 'a'...");
    expect(banner('Setting', ['a', 'b'])).toBe("Setting lines 'a', and 'b'...");
    expect(banner('Monitoring', ['a', 'b', 'c'])).toBe("Monitoring lines 'a', 'b', and 'c'...");
  });
});

describe('errorLines', () => {
  it('puts the program before every message', () => {
    expect(errorLines('gpiobridge get', new UsageError('no'))).toBe('gpiobridge get: no\n');
    expect(errorLines('P', new ManyErrors(['a', 'b']))).toBe('P: a\nP: b\n');
    expect(errorLines('P', 'text')).toBe('P: text\n');
  });
});

describe('closest', () => {
  it('finds the word that was meant, or none', () => {
    const known = ['detect', 'info', 'get', 'set', 'mon', 'daemon'];
    expect(closest('dectet', known)).toBe('detect');
    expect(closest('gte', known)).toBe('get');
    expect(closest('monitor', known)).toBeUndefined();
    expect(closest('deamon', known)).toBe('daemon');
    expect(editDistance('', 'abc')).toBe(3);
  });
});

describe('toJson', () => {
  it('has snake_case keys and decimal strings, all the way down', () => {
    expect(toJson({ rssBytes: 1, inner: [{ offsetNs: -5n }], none: null })).toBe(
      '{"rss_bytes":1,"inner":[{"offset_ns":"-5"}],"none":null}',
    );
  });
});

describe('helpText', () => {
  it('fits a terminal', () => {
    const widest = Math.max(
      ...helpText()
        .split('\n')
        .map((line) => line.length),
    );
    expect(widest).toBeLessThanOrEqual(100);
  });
});
