import { closeSync, openSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { until } from '../../../test/support/api-bench.js';
import { formatLine } from './line-format.js';
import { LineSink } from './line-sink.js';
import { Logger } from './logger.js';

const AT = new Date(0);

describe('formatLine', () => {
  it('writes logfmt that survives any text in one line', () => {
    const fields = { link: 'serial:/dev/ttyACM0', reason: 'no such "port"\nnow', n: 5n, absent: undefined };
    expect(formatLine('logfmt', AT, 'warn', 'link_down', fields)).toBe(
      'ts=1970-01-01T00:00:00.000Z level=warn event=link_down link=serial:/dev/ttyACM0 reason="no such \\"port\\"\\nnow" n=5',
    );
  });

  it('writes nothing that moves a terminal or ends a line, in either format', () => {
    const text = 'a\u001b[2J\u009b2J\u007f\u2028b\n';
    for (const format of ['logfmt', 'json'] as const) {
      expect(formatLine(format, AT, 'warn', 'x', { text })).toContain(
        '"a\\u001b[2J\\u009b2J\\u007f\\u2028b\\n"',
      );
    }
  });

  it('writes JSON', () => {
    const line = formatLine('json', AT, 'info', 'x', { error: new Error('why'), n: 5n, list: [1] });
    expect(JSON.parse(line)).toEqual({
      ts: '1970-01-01T00:00:00.000Z',
      level: 'info',
      event: 'x',
      error: 'why',
      n: '5',
      list: '[1]',
    });
  });
});

describe('Logger', () => {
  it('limits each cause by itself, and says what it kept back', () => {
    const lines: string[] = [];
    let now = 0;
    const logger = new Logger({
      config: { level: 'info', format: 'logfmt' },
      write: (line) => lines.push(line),
      now: () => now,
    });
    for (let i = 0; i < 20; i++) logger.log('warn', 'link_down', { coprocessor: 'hub' }, 'hub');
    logger.log('warn', 'link_down', { coprocessor: 'mcu' }, 'mcu');
    logger.log('debug', 'detail');
    expect(lines).toHaveLength(6);
    now = 60_000;
    logger.log('warn', 'link_down', { coprocessor: 'hub' }, 'hub');
    expect(lines.at(-1)).toContain('suppressed=15');
  });

  it('limits what one coprocessor can say, however many things it finds to say', () => {
    const lines: string[] = [];
    let now = 0;
    const logger = new Logger({
      config: { level: 'info', format: 'logfmt' },
      write: (line) => lines.push(line),
      now: () => now,
    });
    const say = (coprocessor: string, text: string) =>
      logger.log('info', 'says', { coprocessor, text }, text);
    for (let i = 0; i < 1_000; i++) say('evil', `number ${i}`);
    say('hub', 'something');
    expect(lines).toHaveLength(61);
    now = 60_000;
    say('evil', 'once more');
    expect(lines.at(-1)).toContain('suppressed=940');
  });
});

describe('LineSink', () => {
  it('survives a full device and a closed descriptor, and counts what went', async () => {
    const full = openSync('/dev/full', 'w');
    const sink = new LineSink(full);
    for (let i = 0; i < 100; i++) sink.line(`line ${i}`);
    await sink.flushed(5_000);
    expect(sink.dropped).toBe(100);
    closeSync(full);
    const closed = new LineSink(full);
    closed.line('into nothing');
    await until(() => closed.dropped === 1, 'the error came');
  });

  it('keeps a bounded amount while nothing is taken', async () => {
    const sink = new LineSink(openSync('/dev/null', 'w'));
    const line = 'x'.repeat(1_000);
    for (let i = 0; i < 1_000; i++) sink.line(line);
    expect(sink.dropped).toBeGreaterThan(700);
    await sink.flushed(5_000);
    const dropped = sink.dropped;
    sink.line('again');
    await sink.flushed(5_000);
    expect(sink.dropped).toBe(dropped);
  });
});
