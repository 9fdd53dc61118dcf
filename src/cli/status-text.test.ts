import { expect, it } from 'vitest';
import type { CoprocessorStatus } from '../api/client/types.js';
import { coprocessorText } from './status-text.js';

const COPROCESSOR: CoprocessorStatus = {
  name: 'hub',
  link: 'rpmsg:rpmsg-raw',
  linkState: 'up',
  reason: null,
  delivery: 'reliable',
  device: '/dev/rpmsg3',
  processor: {
    device: 'remoteproc0',
    name: 'm4',
    state: 'running',
    firmware: 'hub.elf',
    recovery: 'enabled',
  },
  dialect: 'virtio-msg',
  firmware: 'hub-fw 1.2.0',
  bootId: 1,
  roundTripNs: null,
  clock: null,
  openings: 1,
  chips: ['hub'],
  linkCounters: {},
  busCounters: {},
};

it('shows the node and the processor behind an rpmsg service', () => {
  expect(coprocessorText(COPROCESSOR)).toContain(
    '  device      /dev/rpmsg3\n  processor   m4 (remoteproc0) running, firmware hub.elf\n',
  );
});

it('shows that a processor crashed, and that nothing restarts it', () => {
  const processor = { ...COPROCESSOR.processor!, state: 'crashed', recovery: 'disabled' };
  const reason = 'remote processor m4 crashed';
  const down = {
    ...COPROCESSOR,
    linkState: 'waiting',
    delivery: null,
    device: null,
    reason,
    processor,
  } as const;
  const text = coprocessorText(down);
  expect(text).toContain('  state       waiting, remote processor m4 crashed, tried once\n');
  expect(text).toContain('  processor   m4 (remoteproc0) crashed, firmware hub.elf, recovery disabled\n');
  expect(text).not.toContain('device  ');
});

it('shows neither of a serial link', () => {
  const text = coprocessorText({ ...COPROCESSOR, device: null, processor: null });
  expect(text).not.toMatch(/^ {2}(device|processor)/m);
});
