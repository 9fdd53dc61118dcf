import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Conversation } from '../../trace/conversation.js';
import { messageWords } from './message-words.js';

interface Vector {
  readonly dialect: string;
  readonly name: string;
  readonly bytes: string;
}

const { valid } = JSON.parse(
  readFileSync(new URL('../../../test/vectors/firmware-dialects.json', import.meta.url), 'utf8'),
) as { valid: Vector[] };

const bytesOf = (dialect: string, name: string) =>
  Uint8Array.from(
    Buffer.from(valid.find((entry) => entry.dialect === dialect && entry.name === name)!.bytes, 'hex'),
  );

/** What is said, one after the other: `>` to the device, `<` from it. */
function heard(dialect: string, said: readonly string[]): string[] {
  const conversation = new Conversation();
  return said.map((entry) => {
    const packet = bytesOf(dialect, entry.slice(1));
    return messageWords(conversation.hear(entry[0] === '>' ? 'out' : 'in', packet));
  });
}

describe('the words of messages without buffers', () => {
  it.each([
    ['rpmsg-gpio', 214],
    ['rpmsg-gpio-v14', 206],
  ])('%s', (dialect, line) => {
    const said = [
      '>get-value',
      '<reply-ok-high',
      '>set-irq-both',
      '<interrupt',
      '<reply-error',
      '<reply-error',
    ];
    expect(heard(dialect, said)).toEqual([
      `rpmsg-gpio GET_VALUE line ${line}`,
      `${dialect} GET_VALUE line ${line} = OK 1`,
      `rpmsg-gpio SET_IRQ_TYPE line ${line} EDGE_BOTH`,
      dialect === 'rpmsg-gpio'
        ? 'rpmsg-gpio interrupt of line 291'
        : 'rpmsg-gpio-v14 interrupt of line 35 (EDGE_RISING)',
      `${dialect} SET_IRQ_TYPE line ${line} EDGE_BOTH = ERR (status 1)`,
      `${dialect} a reply = ERR (status 1)`,
    ]);
  });

  it('of version 14 name the wake-up', () => {
    expect(heard('rpmsg-gpio-v14', ['>set-wakeup'])).toEqual(['rpmsg-gpio SET_WAKEUP line 3 1']);
  });

  it('of srtm', () => {
    expect(
      heard('srtm', [
        '>input-init-rising',
        '>output-init-high',
        '<reply-value-14-bytes',
        '<reply-refused',
        '<notify',
      ]),
    ).toEqual([
      'SRTM INPUT_INIT port 2 line 7 RISING',
      'SRTM OUTPUT_INIT port 2 line 7 1',
      'SRTM INPUT_GET port 2 line 7 = SUCCESS 1',
      'SRTM INPUT_INIT port 2 line 7 = 3',
      'SRTM notification of port 2 line 7',
    ]);
  });

  it('are not found in three bytes that answer nothing', () => {
    expect(heard('rpmsg-gpio', ['<reply-ok-high'])).toEqual(['dropped: header-cut']);
  });
});
