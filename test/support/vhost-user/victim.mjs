// A back end in a process of its own, to be killed: `node victim.mjs SOCKET RECORD`. It returns each buffer of queue 1,
// with its first four bytes, some turns later and in no order; what it prints is that it listens.
import { serveVhostUser } from '../../../dist/src/vhost-user/serve.js';

const [, , path, recordFile] = process.argv;
const held = [];
let queues;

function returnSome() {
  for (let left = Math.ceil(held.length / 3); left > 0; left--) {
    const [{ id, bytes }] = held.splice(Math.floor(Math.random() * held.length), 1);
    queues.returnBuffer(1, id, bytes);
  }
  if (held.length > 0) setImmediate(returnSome);
}

const device = {
  offeredFeatures: 0n,
  maxQueueSizes: [64, 64],
  config: new Uint8Array(0),
  acceptsFeatures: () => true,
  start(_features, given) {
    queues = given;
  },
  reset() {
    held.length = 0;
  },
  resetQueue() {
    held.length = 0;
  },
  bufferAvailable(_queue, id, _inLength, bytes, at) {
    held.push({ id, bytes: bytes.slice(at, at + 4) });
    if (held.length === 1) setImmediate(returnSome);
  },
};

await serveVhostUser({ path, recordFile, device });
console.log('listening');
