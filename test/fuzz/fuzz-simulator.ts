import { connect as connectSocket } from 'node:net';
import fc from 'fast-check';
import { askControl } from '../../firmware-sim/control-client.js';
import { openLink } from '../../src/link/open.js';
import { systemTime } from '../../src/linux/clock.js';
import { costOf } from '../bench/process-cost.js';
import { expectFlat, SMALL_HEAP } from '../support/flat-memory.js';
import { hostilePacket } from '../support/fuzz/packets.js';
import { eventually, Program, temporaryDirectory } from '../support/program.js';
import { fuzzSeed, mutated } from './corpus.js';
import type { MessageDialect } from './hostile-firmware.js';

export type SimulatorTarget = MessageDialect | 'virtio-msg' | 'serial';

const ROUND = 200;

/**
 * What a driver has no business to send, against a live simulator: packets over a message socket, or for
 * `serial` runs of bytes over a Unix socket. Throws, with the seed, when it ends, hangs or grows by more than
 * `growth` bytes.
 */
export async function fuzzSimulator(target: SimulatorTarget, count: number, growth: number): Promise<void> {
  const seed = fuzzSeed();
  const directory = temporaryDirectory();
  const [port, control] = [directory.join('port'), directory.join('control')];
  const listen = target === 'serial' ? `unix:${port}` : `seqpacket:${port}`;
  const dialect = target === 'serial' ? 'virtio-msg' : target;
  const sim = new Program(
    ['sim', '--listen', listen, '--control', control, '--dialect', dialect],
    SMALL_HEAP,
  );
  try {
    await eventually(() => (sim.stdout + sim.stderr).includes(port) || undefined, 'the simulator to listen');
    const rss: number[] = [];
    for (let round = 0; round * ROUND < count; round++) {
      const inputs = fc.sample(inputsOf(target), { numRuns: ROUND, seed: seed + round });
      if (target === 'serial') await sendBytes(port, inputs);
      else await sendPackets(`seqpacket:${port}`, inputs);
      await askControl(control, { command: 'stats' });
      rss.push(costOf(sim.process.pid!).rssBytes);
    }
    expectFlat(rss, growth);
  } catch (thrown) {
    const what = thrown instanceof Error ? thrown.stack : thrown;
    throw new Error(`GPIOBRIDGE_FUZZ_SEED=${seed}, ${target}: ${what}\n${sim.stderr.slice(-4_000)}`);
  } finally {
    await sim.stop('SIGKILL');
    directory.remove();
  }
}

function inputsOf(target: SimulatorTarget): fc.Arbitrary<Uint8Array> {
  if (target === 'serial') return fc.oneof(fc.uint8Array({ maxLength: 300 }), hostilePacket, mutated(target));
  return target === 'virtio-msg' ? hostilePacket : mutated(target);
}

async function sendPackets(url: string, packets: readonly Uint8Array[]): Promise<void> {
  const link = openLink(url, { time: systemTime, random: Math.random });
  try {
    await eventually(() => (link.state.kind === 'up' ? true : undefined), `${url} to be up`);
    for (const packet of packets) {
      if (packet.length > 0 && packet.length <= link.maxPacket) await link.send(packet).catch(() => {});
    }
  } finally {
    await link.close();
  }
}

function sendBytes(path: string, runs: readonly Uint8Array[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket(path);
    socket.on('error', reject);
    socket.resume();
    socket.end(Buffer.concat(runs), () => resolve());
  });
}
