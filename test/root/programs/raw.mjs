// Calls a socket by hand: raw.mjs SOCKET METHOD [JSON parameters]. Prints what came of it as JSON:
// { refused: errno }, { error: name }, { result } or { closed: true }.
import { connect } from 'node:net';
import { decodeMulti, encode } from '@msgpack/msgpack';

const [path, method, params = '[]'] = process.argv.slice(2);
const socket = connect(path);
const chunks = [];

const tell = (outcome) => {
  console.log(JSON.stringify(outcome, (_, value) => (typeof value === 'bigint' ? `${value}` : value)));
  process.exit(0);
};
socket.on('error', (error) => tell({ refused: error.code }));
socket.on('close', () => tell({ closed: true }));
socket.on('connect', () => socket.write(encode([0, 1, method, JSON.parse(params)])));
socket.on('data', (chunk) => {
  chunks.push(chunk);
  try {
    for (const [type, , error, result] of decodeMulti(Buffer.concat(chunks))) {
      if (type === 1) tell(error === null ? { result } : { error: error.name, message: error.message });
    }
  } catch {
    // Not whole yet.
  }
});
