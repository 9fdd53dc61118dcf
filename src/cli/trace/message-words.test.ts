import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Conversation } from '../../trace/conversation.js';
import { encodeGpioRequest, MSG } from '../../wire/virtio-gpio.js';
import { encodeVqAvail, encodeVqUsed } from '../../wire/virtio-msg/queue.js';
import { messageWords } from './message-words.js';

interface Vector {
  readonly name: string;
  readonly bytes: string;
}

const vectors = JSON.parse(
  readFileSync(new URL('../../../test/vectors/virtio-msg.json', import.meta.url), 'utf8'),
) as { valid: Vector[]; invalid: Vector[] };
const all = [...vectors.valid, ...vectors.invalid];

function wordsOf(name: string, conversation = new Conversation()): string {
  const { bytes } = all.find((vector) => vector.name === name)!;
  const fromDriver = /request|avail/.test(name);
  return messageWords(conversation.hear(fromDriver ? 'out' : 'in', Buffer.from(bytes, 'hex')));
}

/** What a person reads for each message of the vectors. */
const WORDS: Readonly<Record<string, string>> = {
  'hello-request': 'BUS_HELLO token 33560: revision 1, max_msg_size 496, known boot_id 0x00000000',
  'hello-response':
    "BUS_HELLO answer token 33560: 'hub-fw 1.2.0', revision 1, max_msg_size 256, TIME LOG, boot_id 0x52427750, not resumed",
  'get-devices-request': 'GET_DEVICES token 33560: from 0, 16 numbers',
  'get-devices-response': 'GET_DEVICES answer token 33560: devices 1 4',
  'device-info-response':
    'GET_DEVICE_INFO answer device 4 token 33560: device id 41, vendor 4660, 64 feature bits, config 16 bytes, 2 queues',
  'features-response':
    'GET_DEVICE_FEATURES answer device 4 token 33560: IRQ VERSION_1 EVENT_STAMP EVENT_QUEUE',
  'config-response':
    'GET_CONFIG answer device 4 token 33560: 16 bytes from 0, generation 7: 28000000090000001000000000000000',
  'status-request': 'SET_DEVICE_STATUS device 4 token 33560: ACKNOWLEDGE DRIVER DRIVER_OK FEATURES_OK',
  'avail-two-requests': 'VQ_AVAIL device 4 requestq: #1 GET_VALUE line 9; #2 SET_VALUE line 300 1',
  'used-two-responses': 'VQ_USED device 4 requestq: #2 an answer = OK 0; #1 an answer = OK 1',
  'used-stamped-event': 'VQ_USED device 4 eventq: line ? edge level 1 seq 70000 at 4070702073760102525',
  'avail-event-buffer': 'VQ_AVAIL device 4 eventq: 1 buffer for line 9',
  'used-account-invalid': 'VQ_USED device 4 eventq: line ? INVALID level 1 seq 70003 at 4070702073760102525',
  boot: 'BUS_BOOT: boot_id 0x52427750',
  'time-response':
    'BUS_TIME answer token 33560: t1 2171290814113776494, t2 899479204396230354, t3 4542775913916395392',
  log: 'BUS_LOG: level 4: "düse klemmt"',
  'size-field-too-big': 'dropped: size-over-packet',
  'size-field-under-8': 'dropped: size-under-8',
  'element-cut': 'dropped: element-cut',
  'header-cut': 'dropped: header-cut',
  'unknown-id': 'dropped: unknown-id',
};

describe('what a message says', () => {
  it.each(all)('$name', ({ name }) => {
    expect(wordsOf(name)).toBe(WORDS[name]);
  });

  it('says which request an answer is for, and which line an event is of', () => {
    const conversation = new Conversation();
    const hear = (direction: 'in' | 'out', packet: Uint8Array) =>
      messageWords(conversation.hear(direction, packet));
    const requests = [
      { id: 7, inLen: 2, out: encodeGpioRequest(MSG.SET_IRQ_TYPE, 3, 3) },
      { id: 8, inLen: 2, out: encodeGpioRequest(MSG.GET_VALUE, 5, 0) },
    ];
    expect(hear('out', encodeVqAvail(1, 0, requests))).toBe(
      'VQ_AVAIL device 1 requestq: #7 SET_IRQ_TYPE line 3 EDGE_BOTH; #8 GET_VALUE line 5',
    );
    const answers = [
      { id: 8, in: Uint8Array.of(0, 1) },
      { id: 7, in: Uint8Array.of(1, 0) },
    ];
    expect(hear('in', encodeVqUsed(1, 0, answers))).toBe(
      'VQ_USED device 1 requestq: #8 GET_VALUE line 5 = OK 1; #7 SET_IRQ_TYPE line 3 EDGE_BOTH = ERR',
    );
    const armed = [1, 2, 3].map((id) => ({ id, inLen: 16, out: Uint8Array.of(id === 3 ? 5 : 4, 0) }));
    expect(hear('out', encodeVqAvail(1, 1, armed))).toBe(
      'VQ_AVAIL device 1 eventq: 3 buffers for lines 4 (2) 5',
    );
    const stamp = Uint8Array.of(1, 1, 0, 0, 9, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0);
    const invalid = Uint8Array.of(0, 0, 0, 0, 9, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0);
    const events = [
      { id: 3, in: stamp },
      { id: 1, in: invalid },
      { id: 99, in: Uint8Array.of(1) },
    ];
    expect(hear('in', encodeVqUsed(1, 1, events))).toBe(
      'VQ_USED device 1 eventq: line 5 edge level 1 seq 9 at 256; line 4 INVALID level 0 seq 9 at 512; line ? edge',
    );
  });

  it('forgets buffers with the channel and with a reset', () => {
    const conversation = new Conversation();
    const armed = encodeVqAvail(1, 1, [{ id: 1, inLen: 1, out: Uint8Array.of(4, 0) }]);
    const event = encodeVqUsed(1, 1, [{ id: 1, in: Uint8Array.of(1) }]);
    const lineOf = () => messageWords(conversation.hear('in', event)).slice(-11);
    conversation.hear('out', armed);
    expect(lineOf()).toBe('line 4 edge');
    expect(lineOf()).toBe('line ? edge');
    conversation.hear('out', armed);
    wordsOf('hello-request', conversation);
    expect(lineOf()).toBe('line ? edge');
  });
});
