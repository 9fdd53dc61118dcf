import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeRpmsgGpioAnswer,
  decodeRpmsgGpioRequest,
  encodeRpmsgGpioInterrupt,
  encodeRpmsgGpioReply,
  encodeRpmsgGpioRequest,
  RPMSG_GPIO_CMD,
  RPMSG_GPIO_DROP_REASONS,
  RPMSG_GPIO_FORMS,
  type RpmsgGpioForm,
} from './rpmsg-gpio.js';
import { decodeSrtm, encodeSrtm, SRTM_CMD, SRTM_DROP_REASONS, type SrtmMessage } from './srtm.js';

interface Vector {
  readonly dialect: string;
  readonly name: string;
  readonly direction: 'to-device' | 'to-driver';
  readonly bytes: string;
  // biome-ignore lint/suspicious/noExplicitAny: each vector has fields of its own
  readonly [field: string]: any;
}

const { valid } = JSON.parse(
  readFileSync(new URL('../../test/vectors/firmware-dialects.json', import.meta.url), 'utf8'),
) as { valid: Vector[] };

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const unhex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));
const isForm = (dialect: string): dialect is RpmsgGpioForm =>
  RPMSG_GPIO_FORMS.some((form) => form === dialect);

/** What a vector of rpmsg-gpio, in either form, says its message is. */
const RPMSG: Readonly<Record<string, (v: Vector) => unknown>> = {
  'get-value': (v) => ({ type: 'request', cmd: RPMSG_GPIO_CMD.GET_VALUE, line: v.line, value: 0 }),
  'set-irq-both': (v) => ({
    type: 'request',
    cmd: RPMSG_GPIO_CMD.SET_IRQ_TYPE,
    line: v.line,
    value: v.irqType,
  }),
  'set-wakeup': (v) => ({ type: 'request', cmd: RPMSG_GPIO_CMD.SET_WAKEUP, line: v.line, value: v.enable }),
  'reply-ok-high': (v) => ({ type: 'reply', status: v.status, value: v.value }),
  'reply-error': (v) => ({ type: 'reply', status: v.status, value: v.value }),
  interrupt: (v) => ({
    type: 'interrupt',
    line: v.line,
    ...(v.trigger === undefined ? {} : { trigger: v.trigger }),
  }),
};

const SRTM: Readonly<Record<string, (v: Vector) => SrtmMessage>> = {
  'input-init-rising': (v) => ({
    ...at(v, SRTM_CMD.INPUT_INIT),
    type: 'setup',
    value: v.event,
    wakeup: 0,
  }),
  'output-init-high': (v) => ({ ...at(v, SRTM_CMD.OUTPUT_INIT), type: 'setup', value: v.level, wakeup: 0 }),
  'reply-value-14-bytes': (v) => ({
    ...at(v, SRTM_CMD.INPUT_GET),
    type: 'reply',
    retcode: v.retcode,
    value: v.value,
  }),
  'reply-refused': (v) => ({ ...at(v, SRTM_CMD.INPUT_INIT), type: 'reply', retcode: v.retcode, value: 0 }),
  notify: (v) => ({ ...at(v, SRTM_CMD.INPUT_INIT), type: 'notification' }),
};

function at({ line, port }: Vector, cmd: number) {
  return { cmd, line: line as number, port: port as number };
}

function decodeRpmsg(form: RpmsgGpioForm, direction: Vector['direction'], packet: Uint8Array) {
  return direction === 'to-device' ? decodeRpmsgGpioRequest(packet) : decodeRpmsgGpioAnswer(form, packet);
}

function encodeRpmsg(form: RpmsgGpioForm, message: ReturnType<typeof decodeRpmsg>): Uint8Array {
  switch (message.type) {
    case 'request':
      return encodeRpmsgGpioRequest(message);
    case 'reply':
      return encodeRpmsgGpioReply(form, message.status, message.value);
    case 'interrupt':
      return encodeRpmsgGpioInterrupt(form, message.line, message.trigger);
    case 'dropped':
      throw new Error(`dropped: ${message.reason}`);
  }
}

describe('the vectors of rpmsg-gpio', () => {
  const vectors = valid.filter(({ dialect }) => isForm(dialect));

  it.each(vectors)('$dialect $name says what it should, and is encoded to the same bytes', (entry) => {
    const form = entry.dialect as RpmsgGpioForm;
    const message = decodeRpmsg(form, entry.direction, unhex(entry.bytes));
    expect(message).toEqual(RPMSG[entry.name]!(entry));
    expect(hex(encodeRpmsg(form, message))).toBe(entry.bytes);
  });

  it('drops what is cut, and ignores what is behind a message', () => {
    for (const { dialect, direction, bytes } of vectors) {
      const form = dialect as RpmsgGpioForm;
      const packet = unhex(bytes);
      const whole = decodeRpmsg(form, direction, packet);
      expect(decodeRpmsg(form, direction, Uint8Array.from([...packet, 0xff]))).toEqual(whole);
      for (let length = 0; length < packet.length; length++) {
        expect(decodeRpmsg(form, direction, packet.subarray(0, length))).toEqual({
          type: 'dropped',
          reason: length === 0 ? 'empty' : 'cut',
        });
      }
    }
  });
});

describe('the vectors of srtm', () => {
  const vectors = valid.filter(({ dialect }) => dialect === 'srtm');

  it.each(vectors)('$name says what it should, and is encoded to the same bytes, padded', (entry) => {
    const message = decodeSrtm(unhex(entry.bytes));
    expect(message).toEqual(SRTM[entry.name]!(entry));
    expect(hex(encodeSrtm(message as SrtmMessage))).toBe(entry.bytes.padEnd(32, '0'));
  });

  it('are understood without padding, and a notification without what it does not use', () => {
    for (const { bytes } of vectors) {
      const packet = unhex(bytes);
      const whole = decodeSrtm(packet);
      expect(decodeSrtm(packet.subarray(0, 14))).toEqual(whole);
      const shorter = decodeSrtm(packet.subarray(0, 12));
      expect(shorter).toEqual(whole.type === 'notification' ? whole : { type: 'dropped', reason: 'cut' });
      expect(decodeSrtm(packet.subarray(0, 11))).toEqual({ type: 'dropped', reason: 'cut' });
      expect(decodeSrtm(packet.subarray(0, 0))).toEqual({ type: 'dropped', reason: 'empty' });
    }
  });

  it.each([
    ['other-category', 0, 4],
    ['unknown-version', 1, 2],
    ['unknown-kind', 3, 3],
  ])('are dropped as %s', (reason, index, byte) => {
    const packet = unhex(vectors[0]!.bytes);
    packet[index] = byte;
    expect(decodeSrtm(packet)).toEqual({ type: 'dropped', reason });
  });
});

it('looks at every vector', () => {
  const known = valid.filter(
    ({ dialect, name }) => (isForm(dialect) ? RPMSG[name] : SRTM[name]) !== undefined,
  );
  expect(known).toHaveLength(valid.length);
  expect(valid).toHaveLength(16);
});

describe('any message', () => {
  const byte = fc.nat(255);
  const form = fc.constantFrom(...RPMSG_GPIO_FORMS);

  it('of rpmsg-gpio comes back from its bytes as it was', () => {
    const request = fc.record({ cmd: fc.nat(0xffff), line: fc.nat(0xffff), value: fc.nat(0xffff_ffff) });
    fc.assert(
      fc.property(request, form, byte, byte, fc.nat(0xffff), (asked, variant, a, b, line) => {
        expect(decodeRpmsgGpioRequest(encodeRpmsgGpioRequest(asked))).toEqual({ type: 'request', ...asked });
        expect(decodeRpmsgGpioAnswer(variant, encodeRpmsgGpioReply(variant, a, b))).toEqual({
          type: 'reply',
          status: a,
          value: b,
        });
        expect(decodeRpmsgGpioAnswer('rpmsg-gpio', encodeRpmsgGpioInterrupt('rpmsg-gpio', line))).toEqual({
          type: 'interrupt',
          line,
        });
        expect(
          decodeRpmsgGpioAnswer('rpmsg-gpio-v14', encodeRpmsgGpioInterrupt('rpmsg-gpio-v14', a, b)),
        ).toEqual({ type: 'interrupt', line: a, trigger: b });
      }),
    );
  });

  it('of srtm comes back from its bytes as it was', () => {
    const address = { cmd: byte, line: byte, port: byte };
    const message = fc.oneof(
      fc.record({ type: fc.constant('setup' as const), ...address, value: byte, wakeup: byte }),
      fc.record({ type: fc.constant('reply' as const), ...address, retcode: byte, value: byte }),
      fc.record({ type: fc.constant('notification' as const), ...address }),
    );
    fc.assert(
      fc.property(message, (one) => {
        expect(decodeSrtm(encodeSrtm(one))).toEqual(one);
      }),
    );
  });

  it('is decoded or dropped with a known reason, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), form, (packet, variant) => {
        const srtm = decodeSrtm(packet);
        if (srtm.type === 'dropped') expect(SRTM_DROP_REASONS).toContain(srtm.reason);
        for (const message of [decodeRpmsgGpioRequest(packet), decodeRpmsgGpioAnswer(variant, packet)]) {
          if (message.type === 'dropped') expect(RPMSG_GPIO_DROP_REASONS).toContain(message.reason);
        }
      }),
    );
  });
});
