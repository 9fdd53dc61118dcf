import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../src/daemon/config/read-config.js';
import {
  decodeRpmsgGpioAnswer,
  decodeRpmsgGpioRequest,
  RPMSG_GPIO_CMD,
  RPMSG_GPIO_FORMS,
} from '../../src/wire/rpmsg-gpio.js';

const read = (file: string) => readFileSync(new URL(`../../docs/${file}`, import.meta.url), 'utf8');
const unhex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));

describe.each(['dialects.md', 'rpmsg.md'])('the configurations in docs/%s', (file) => {
  const examples = [...read(file).matchAll(/^```toml\n(.*?)^```$/gms)].map((match) => match[1]!);

  it.each(examples)('is valid: %s', (toml) => {
    expect(readConfig(toml, file, []).coprocessors).toHaveLength(1);
  });

  it('are there', () => {
    expect(examples.length).toBeGreaterThan(1);
  });
});

describe('the messages in docs/dialects.md', () => {
  const text = read('dialects.md');

  it('say what the text says', () => {
    const [request, ...answers] = [...text.matchAll(/`([0-9a-f]{6,16})`/g)].map((match) => unhex(match[1]!));
    expect(decodeRpmsgGpioRequest(request!)).toMatchObject({
      cmd: RPMSG_GPIO_CMD.SET_IRQ_TYPE,
      line: 3,
      value: 3,
    });
    const decoded = answers.map((packet, i) =>
      decodeRpmsgGpioAnswer(RPMSG_GPIO_FORMS[i < 2 ? 0 : 1], packet),
    );
    expect(decoded).toEqual([
      { type: 'reply', status: 0, value: 0 },
      { type: 'interrupt', line: 3 },
      { type: 'reply', status: 0, value: 0 },
      { type: 'interrupt', line: 3, trigger: 3 },
    ]);
  });
});
