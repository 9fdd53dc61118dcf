// Runs in the guest: carries out what the test asks for over a virtio serial port, one JSON object a line.
//
//   test to guest   { id, start: { argv, env, uid, gid } }   { id, input, end }   { id, signal }
//   guest to test   { ready: true }   { id, stdout }   { id, stderr }   { id, status, signal }   { id, failed }
//
// A command leads a process group of its own, and signals go to the group. When the test is gone, so is the guest.
import { spawn } from 'node:child_process';
import {
  createReadStream,
  createWriteStream,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { createInterface } from 'node:readline';

const PORTS = '/sys/class/virtio-ports';

const name = readdirSync(PORTS).find(
  (port) => readFileSync(`${PORTS}/${port}/name`, 'utf8').trim() === 'agent',
);
// It may be opened once.
const fd = openSync(`/dev/${name}`, 'r+');
const output = createWriteStream('', { fd });
const running = new Map();

function say(message) {
  output.write(`${JSON.stringify(message)}\n`);
}

function start(id, { argv, env, uid, gid }) {
  const [command, ...args] = argv;
  const child = spawn(command, args, { detached: true, cwd: '/', env: { ...process.env, ...env }, uid, gid });
  running.set(id, child);
  for (const stream of ['stdout', 'stderr'])
    child[stream].setEncoding('utf8').on('data', (text) => say({ id, [stream]: text }));
  // A command that ended may leave what was written to it unread.
  child.stdin.on('error', () => {});
  child.on('error', (error) => say({ id, failed: error.message }));
  child.on('close', (status, signal) => {
    running.delete(id);
    say({ id, status, signal });
  });
}

function signalGroup(id, signal) {
  const pid = running.get(id)?.pid;
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has just ended.
  }
}

createInterface({ input: createReadStream('', { fd }) })
  .on('line', (line) => {
    const { id, start: command, input, end, signal } = JSON.parse(line);
    if (command !== undefined) start(id, command);
    if (input !== undefined) running.get(id)?.stdin.write(input);
    if (end === true) running.get(id)?.stdin.end();
    if (signal !== undefined) signalGroup(id, signal);
  })
  .on('close', () => writeFileSync('/proc/sysrq-trigger', 'o'));

say({ ready: true });
