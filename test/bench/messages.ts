import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { MessageLink } from '../../src/link/messages/message-link.js';
import { seqpacketEndpoint } from '../../src/link/messages/seqpacket.js';
import { systemTime } from '../../src/linux/clock.js';
import { seqpacketPair } from '../../src/linux/seqpacket.js';
import { readLoop, writeLoop } from './message-peer.js';

const PEER = fileURLToPath(new URL('./message-peer.js', import.meta.url));
/** As long as the message of an edge. */
const SIZE = 44;
/** Of each measurement, before it counts: V8 compiles what runs. */
const WARM_UP_S = 0.5;
/** Each way of a pair in turn, so that what else the machine does meets both. */
const ROUNDS = 3;

/**
 * Messages a second through the link that rpmsg uses, over a SOCK_SEQPACKET pair whose other end is a
 * process that reads or writes in a loop; beside it the same with such a loop at this end, too.
 */
export async function messages(seconds: number): Promise<void> {
  console.log(
    `Messages of ${SIZE} bytes over a SOCK_SEQPACKET pair, to and from another process, ${seconds} s each`,
  );
  console.log('            through the link  CPU us   plain calls  CPU us   ratio');
  const each = seconds / ROUNDS;
  await row(
    'received',
    () => received(each),
    () => plain('source', each),
  );
  await row(
    'sent',
    () => sent(each),
    () => plain('sink', each),
  );
}

/** How fast messages went, and what each cost this process. */
interface Rate {
  readonly perSecond: number;
  readonly cpuUs: number;
}

async function row(what: string, link: () => Promise<Rate>, calls: () => Promise<Rate>): Promise<void> {
  const [through, yardstick]: [Rate[], Rate[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    through.push(await link());
    yardstick.push(await calls());
  }
  const [ours, theirs] = [mean(through), mean(yardstick)];
  const ratio = (ours.perSecond / theirs.perSecond).toFixed(2);
  console.log(`  ${what.padEnd(9)} ${cells(ours, 16)} ${cells(theirs, 13)} ${ratio.padStart(7)}`);
}

function mean(rates: readonly Rate[]): Rate {
  const of = (value: (rate: Rate) => number) =>
    rates.reduce((sum, rate) => sum + value(rate), 0) / rates.length;
  return { perSecond: of(({ perSecond }) => perSecond), cpuUs: of(({ cpuUs }) => cpuUs) };
}

function cells({ perSecond, cpuUs }: Rate, width: number): string {
  return `${Math.round(perSecond)
    .toLocaleString('en')
    .padStart(width - 2)}/s ${cpuUs.toFixed(2).padStart(7)}`;
}

/** Counts from now until the function is called that is returned. */
function measuring(count: () => number): () => Rate {
  const [from, before, cpu] = [performance.now(), count(), process.cpuUsage()];
  return () => {
    const done = count() - before;
    const { user, system } = process.cpuUsage(cpu);
    return { perSecond: done / ((performance.now() - from) / 1_000), cpuUs: (user + system) / done };
  };
}

/** Packets a second that a link delivers. */
async function received(seconds: number): Promise<Rate> {
  const { link, stop } = linkTo('source');
  let count = 0;
  link.packets$.subscribe(({ packets }) => {
    count += packets.length;
  });
  const rate = await rateOf(() => count, seconds);
  await stop();
  return rate;
}

/** Packets a second that a link sends, as fast as it has room. */
async function sent(seconds: number): Promise<Rate> {
  const { link, stop } = linkTo('sink');
  const packet = Buffer.alloc(SIZE, 0x55);
  let running = true;
  const pump = (): void => {
    for (let i = 0; i < TURN; i++) {
      if (!running || link.room <= 0) return;
      link.send(packet).catch(() => undefined);
    }
    setImmediate(pump);
  };
  link.room$.subscribe(pump);
  pump();
  const rate = await rateOf(() => link.counters.messages_sent!, seconds);
  running = false;
  await stop();
  return rate;
}

/** Packets that are sent before the event loop has its turn. */
const TURN = 256;

/** Messages a second of plain calls at this end. */
async function plain(role: 'source' | 'sink', seconds: number): Promise<Rate> {
  const [fd, other] = seqpacketPair();
  const peer = start(role, other);
  let count = 0;
  const run = (milliseconds: number): void => {
    count += role === 'source' ? readLoop(fd, milliseconds) : writeLoop(fd, SIZE, milliseconds);
  };
  // Its start is no part of it.
  run(WARM_UP_S * 1_000);
  const done = measuring(() => count);
  run(seconds * 1_000);
  const rate = done();
  peer.kill();
  closeSync(fd);
  return rate;
}

function linkTo(role: 'source' | 'sink') {
  const [fd, other] = seqpacketPair();
  const peer = start(role, other);
  const link = new MessageLink('bench', seqpacketEndpoint(fd), { role: 'device', time: systemTime });
  const stop = async (): Promise<void> => {
    peer.kill();
    await link.close();
  };
  return { link, stop };
}

function start(role: string, fd: number): ChildProcess {
  const peer = spawn(process.execPath, [PEER, role, String(SIZE)], {
    stdio: ['ignore', 'ignore', 'inherit', fd],
  });
  closeSync(fd);
  return peer;
}

async function rateOf(count: () => number, seconds: number): Promise<Rate> {
  const pause = (s: number) => new Promise((resolve) => setTimeout(resolve, s * 1_000));
  const begun = count();
  while (count() === begun) await pause(0.01);
  await pause(WARM_UP_S);
  const done = measuring(count);
  await pause(seconds);
  return done();
}
