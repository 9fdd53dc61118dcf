// What a client does that means harm: hostile.mjs HOW SOCKET [COUNT]. Prints what came of it as JSON.
import { connect } from 'node:net';
import { decodeMulti, encode } from '@msgpack/msgpack';

const [how, path, count = '1'] = process.argv.slice(2);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A connection, and what becomes of it. */
function open() {
  const socket = connect(path);
  const state = { socket, closed: false, error: undefined, received: [] };
  state.done = new Promise((resolve) => socket.on('close', resolve));
  socket.on('close', () => {
    state.closed = true;
  });
  state.ready = new Promise((resolve) => {
    socket.on('connect', () => resolve(true));
    socket.on('close', () => resolve(false));
  });
  socket.on('error', (error) => (state.error = error.code));
  return state;
}

/** Sends calls, and returns their answers. */
async function calls(requests) {
  const one = open();
  await one.ready;
  const answers = new Map();
  let bytes = Buffer.alloc(0);
  const all = new Promise((resolve) => {
    one.socket.on('close', resolve);
    one.socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      answers.clear();
      try {
        for (const message of decodeMulti(bytes)) if (message[0] === 1) answers.set(message[1], message);
      } catch {
        // The last is not whole yet.
      }
      if (answers.size === requests.length) resolve();
    });
  });
  for (const [id, [method, ...params]] of requests.entries()) {
    one.socket.write(encode([0, id, method, params]));
  }
  await all;
  one.socket.destroy();
  return requests.map((_, id) => {
    const [, , error] = answers.get(id) ?? [1, id, { name: 'CLOSED' }];
    return error?.name ?? 'ok';
  });
}

const INPUT = { direction: 'input', edges: 'both' };
const create = (offsets, more = {}) => [
  'request.create',
  { consumer: 'hostile', offsets, config: INPUT, ...more },
];

const WAYS = {
  /** Messages that are longer than any may be, or say that they are. */
  async huge() {
    const outcomes = [];
    for (const bytes of [
      Buffer.concat([Buffer.from([0x94, 0, 1, 0xdb, 0xff, 0xff, 0xff, 0xff]), Buffer.alloc(4_000_000)]),
      Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]),
      encode([0, 1, 'chip.find_line', ['x'.repeat(1_000_000)]]),
      Buffer.alloc(100_000, 0x91),
      Buffer.alloc(3_000_000, 0xc1),
    ]) {
      const one = open();
      one.socket.resume();
      await one.ready;
      for (let at = 0; at < bytes.length && !one.closed; at += 65_536) {
        one.socket.write(bytes.subarray(at, at + 65_536));
        await pause(0);
      }
      await Promise.race([one.done, pause(5_000)]);
      outcomes.push(one.closed);
      one.socket.destroy();
    }
    return { disconnected: outcomes };
  },

  /** Connections that begin a message and never end it, until they are told to go. */
  async half() {
    const whole = encode([0, 1, 'chip.find_line', ['x'.repeat(60_000)]]);
    const held = Array.from({ length: Number(count) }, open);
    await Promise.all(held.map(({ ready }) => ready));
    for (const { socket } of held) socket.write(whole.subarray(0, 59_000));
    return { held: held.filter(({ closed }) => !closed).length, stays: true };
  },

  /** Many more connections than there may be. */
  async connections() {
    const all = [];
    for (let made = 0; made < Number(count); made += 100) {
      all.push(...Array.from({ length: Math.min(100, Number(count) - made) }, open));
      await Promise.all(all.slice(-100).map(({ ready }) => ready));
    }
    // Each was answered or has been closed: none still waits for the daemon to see it.
    const call = encode([0, 1, 'server.info', []]);
    await Promise.all(
      all.map(({ socket, done }) => {
        if (!socket.destroyed) socket.write(call);
        return Promise.race([done, new Promise((resolve) => socket.once('data', resolve))]);
      }),
    );
    return { open: all.filter(({ closed }) => !closed).length, of: all.length, stays: true };
  },

  /** Asks for long answers on every connection it gets, and takes none. */
  async unread() {
    const all = Array.from({ length: Number(count) }, open);
    await Promise.all(all.map(({ ready }) => ready));
    const page = encode([0, 1, 'chip.lines', []]);
    for (const { socket } of all) {
      socket.pause();
      for (let asked = 0; asked < 200; asked++) socket.write(page);
    }
    await pause(1_000);
    return { held: all.filter(({ closed }) => !closed).length, stays: true };
  },

  /** Lines and requests of others, names that are paths, methods of other sockets, and nonsense. */
  async strangers() {
    const odd = [
      '../control',
      '../../etc/passwd',
      '/etc/passwd',
      'chips/hub',
      '..',
      '',
      '\0',
      'a\0b',
      '\u202e',
      '💥',
    ];
    const requests = [
      create([0]),
      [
        'persistent.request',
        { consumer: 'hostile', offsets: [0], config: { direction: 'output', value: 1 } },
      ],
      ['persistent.release', [0]],
      ['request.release', 1],
      ['request.set_values', 1, [[0, 1]]],
      ['request.get_values', 1],
      ['request.reconfigure', 2, INPUT],
      create([65_535]),
      create([-1]),
      create([4_294_967_295]),
      create([]),
      create(Array.from({ length: 65 }, (_, i) => i)),
      create([1], { consumer: '\u001b[2J' }),
      create([1], { consumer: 'x'.repeat(256) }),
      create([1], { shell: 'yes' }),
      ['synthetic.make', { name: '../../evil', lines: ['hub:0'] }],
      ['daemon.status'],
      ['__proto__'],
      ['constructor'],
      ['chip.lines', 4_294_967_295, 4_294_967_295],
      ['chip.watch', '__proto__'],
      ...odd.map((name) => ['chip.find_line', name]),
    ];
    return { answers: await calls(requests) };
  },

  /** Calls as fast as they are taken, requesting and releasing lines, until it is ended. */
  async storm() {
    const all = Array.from({ length: Number(count) }, open);
    await Promise.all(all.map(({ ready }) => ready));
    const bytes = Buffer.concat(
      Array.from({ length: 50 }, (_, id) =>
        Buffer.from(
          encode(id % 2 === 0 ? [0, id, ...split(create([20 + (id % 8)]))] : [0, id, 'chip.lines', []]),
        ),
      ),
    );
    for (const { socket } of all) {
      const more = () => {
        while (!socket.destroyed && socket.write(bytes));
      };
      socket.on('drain', more);
      socket.resume();
      more();
    }
    return { storming: all.length, stays: true };
  },
};

function split([method, ...params]) {
  return [method, params];
}

const outcome = await WAYS[how]();
console.log(JSON.stringify(outcome));
// What it holds it holds until it is killed.
if (outcome.stays) setInterval(() => {}, 60_000);
else process.exit(0);
