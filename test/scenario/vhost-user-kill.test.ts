import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../contract/packet-link.js';
import { built, ROOT } from '../support/built.js';
import { temporaryDirectory } from '../support/program.js';
import { DriverQueue } from '../support/vhost-user/driver-queue.js';
import { FrontEnd, VERSION_1 } from '../support/vhost-user/front-end.js';
import { SharedGuestMemory } from '../support/vhost-user/guest-memory.js';

const KILLS = 10;
const BUFFERS = 200;
const VICTIM = join(ROOT, 'test/support/vhost-user/victim.mjs');

beforeAll(built);

describe('a back end that is killed in the middle of traffic', () => {
  const folder = temporaryDirectory();
  const memory = new SharedGuestMemory();
  const idle = new DriverQueue(memory, 0, 16, 0x10_0000, 0x11_0000);
  const busy = new DriverQueue(memory, 1, 64, 0x10_1000, 0x12_0000);
  const answers = new Map<number, number>();
  let victim: ChildProcess;
  let front: FrontEnd;
  let sent = 0;

  afterAll(() => {
    victim.kill('SIGKILL');
    front.close();
    idle.close();
    busy.close();
    memory.close();
    folder.remove();
  });

  async function start(): Promise<void> {
    victim = spawn(process.execPath, [VICTIM, folder.join('socket'), folder.join('record')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(victim.stdout!, 'data');
    front = new FrontEnd(folder.join('socket'));
    await front.negotiate(VERSION_1);
    await front.setMemory(memory);
    // What QEMU knows of a back end that died: how much the rings say was returned.
    await front.startQueues([idle, busy], [idle.seen, busy.seen]);
  }

  /** `used` throws where a buffer comes back that was returned before. */
  function take(): void {
    for (const { bytes } of busy.used()) {
      const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
      answers.set(number, (answers.get(number) ?? 0) + 1);
    }
  }

  function offer(): void {
    while (busy.outstanding.size < 24 && sent < BUFFERS * KILLS) {
      const out = new Uint8Array(4);
      new DataView(out.buffer).setUint32(0, sent++, true);
      busy.add(out, 4);
    }
  }

  it(`returns each buffer exactly once, over ${KILLS} lives`, async () => {
    for (let life = 1; life <= KILLS; life++) {
      await start();
      const enough = answers.size + BUFFERS / 2;
      await until(() => {
        take();
        offer();
        return answers.size >= enough;
      });
      victim.kill('SIGKILL');
      await once(victim, 'exit');
      front.close();
      take();
      offer();
    }
    await start();
    await until(() => {
      take();
      offer();
      return busy.outstanding.size === 0;
    });
    expect(answers.size).toBe(sent);
    expect([...answers.values()].every((times) => times === 1)).toBe(true);
    expect(sent).toBeGreaterThan((KILLS * BUFFERS) / 2);
    expect(memory.isIntact()).toBe(true);
  }, 120_000);
});
