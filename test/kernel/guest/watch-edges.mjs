// Runs in the guest: watches lines of a chip through the client library and accounts for what comes.
//
//   node watch-edges.mjs CHIP EVERY OFFSET...      until its standard input ends
//
// Prints one JSON object a line: { watching }, { edges } after each EVERY of them, { chip, reason } when the chip's state changes,
// { gap } for each gap, and at the end { lines }, by offset, after the last event. The chip's state goes to the kernel's log as well,
// which has the time of it beside that of what the kernel did.
import { appendFileSync } from 'node:fs';
import { connect } from '../../../dist/src/index.js';

const [chipName, every, ...texts] = process.argv.slice(2);
const offsets = texts.map(Number);
const lines = Object.fromEntries(
  offsets.map((offset) => [offset, { edges: 0, lost: 0, unknown: 0, disordered: 0 }]),
);
const lastNs = new Map();
let edges = 0;

const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

function takeEdge({ offset, lost, timestampNs }) {
  const line = lines[offset];
  line.edges += 1;
  line.lost += lost ?? 0;
  if (timestampNs < (lastNs.get(offset) ?? 0n)) line.disordered += 1;
  lastNs.set(offset, timestampNs);
  edges += 1;
  if (edges % Number(every) === 0) say({ edges });
}

function takeGap({ offset, lost, reason }) {
  for (const one of offset === undefined ? offsets : [offset]) {
    lines[one].lost += lost ?? 0;
    if (lost === null) lines[one].unknown += 1;
  }
  say({ gap: { offset, lost, reason } });
}

const bridge = await connect();
const chip = await bridge.openChip(chipName);
const config = { direction: 'input', edges: 'both', activeLow: false, eventClock: 'monotonic' };
const request = await chip.requestLines({ consumer: 'watch-edges', offsets, config });
process.stdin.on('end', () => request.release()).resume();
say({ watching: offsets });
for await (const batch of request.events())
  for (const event of batch) {
    if (event.type === 'edge') takeEdge(event);
    else if (event.type === 'gap') takeGap(event);
    else if (event.type === 'chip') {
      appendFileSync('/dev/kmsg', `watch-edges: chip ${chipName} ${event.state}\n`);
      say({ chip: event.state, reason: event.reason });
    }
  }
say({ lines });
bridge.close();
