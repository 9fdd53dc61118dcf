import { Random } from '../../../../firmware-sim/random.js';
import { HEADER_LENGTH, MAX_PAYLOAD, REQUEST, writeMessage } from '../../../../src/wire/vhost-user.js';
import { until } from '../../../contract/packet-link.js';
import { FrontEnd } from '../front-end.js';
import { VhostUserRig } from '../rig.js';

const REQUESTS = Object.values(REQUEST);
/** More than a message that was cut waits for, and no message itself: nobody waits for the rest for ever. */
const TAIL = new Uint8Array(HEADER_LENGTH + MAX_PAYLOAD);
/** Messages of one connection, at most. */
const BURST = 64;

/** Sends nonsense to a back end that listens, over many connections; throws where it does not serve a guest after each. */
export async function fuzzSocket(
  cases: number,
  seed: number,
): Promise<{ cases: number; connections: number }> {
  const random = new Random(seed);
  const rig = await VhostUserRig.make();
  let connections = 0;
  try {
    for (let sent = 0; sent < cases; connections++) {
      const front = new FrontEnd(rig.path);
      const burst = Math.min(cases - sent, 1 + random.below(BURST));
      for (let i = 0; i < burst; i++, sent++) say(front, random);
      // All of it was read when this is answered, or the connection is at its end.
      const answered = front.ask(REQUEST.GET_FEATURES).catch(() => undefined);
      finish(front);
      await answered;
      front.close();
      await until(() => rig.backend.state.kind === 'waiting');
    }
    rig.bootGuest();
    await rig.connect();
    rig.queues[0]!.add(Uint8Array.of(1, 2), 2);
    await until(() => rig.queues[0]!.used().length === 1);
    if (!rig.memory.isIntact()) throw new Error('something outside guest memory was written');
    return { cases, connections };
  } finally {
    await rig.close();
  }
}

function say(front: FrontEnd, random: Random): void {
  const payload = Uint8Array.from({ length: random.below(60) }, () => random.uint32());
  const message = writeMessage(REQUESTS[random.below(REQUESTS.length)]!, payload, {
    needReply: random.below(2) === 0,
  });
  if (random.below(16) === 0) message[random.below(12)] = random.uint32();
  try {
    front.raw(random.below(40) === 0 ? payload : message);
  } catch {
    // It has hung up already, or does not read on before its replies are read.
  }
}

function finish(front: FrontEnd): void {
  try {
    front.raw(TAIL);
  } catch {
    // As above.
  }
}
