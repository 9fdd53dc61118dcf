import { BridgeError } from '../../base/errors.js';
import { DIRECTION, IRQ_TYPE, MSG } from '../../wire/virtio-gpio.js';
import type { DriverLog } from '../driver-log.js';
import type { LineMemory } from '../line-memory.js';
import { interruptTypeName } from '../line-words.js';
import type { InterruptItem } from '../remote-gpio.js';
import type { GpioQueues } from './gpio-queues.js';
import { allOf, inGroups } from './groups.js';
import type { Leftover } from './line-operations.js';
import type { Ask, UnknownOutcome } from './request-queue.js';

/** Setting lines again: after a restart all that is remembered, after a resume what is in doubt. */

/**
 * After a restart: values before directions (H6), then interrupts, then their levels. Returns what
 * to tell of the lines whose interrupt is on again, or could not be. Rejects when the device stops answering.
 */
export async function restoreLines(
  queues: GpioQueues,
  memory: LineMemory,
  log: DriverLog,
): Promise<{ items: InterruptItem[]; armed: number[] }> {
  const attempt = (ask: Ask): Promise<number | undefined> => unlessRefused(queues, ask, log);
  await inGroups(memory.remembered(), (line) => allOf(setAgain(line, memory).map(attempt)));
  const items: InterruptItem[] = [];
  const armed: number[] = [];
  const wanted = memory.armed();
  const answers = await inGroups(wanted, (line) =>
    attempt({ type: MSG.SET_IRQ_TYPE, line, value: memory.irqType(line) }),
  );
  wanted.forEach((line, i) => {
    if (answers[i] !== undefined) {
      armed.push(line);
      return;
    }
    memory.setIrqType(line, IRQ_TYPE.NONE);
    items.push({ kind: 'disabled', line, counted: false });
  });
  // Read after sensing began again: whatever changes from here on comes as an edge.
  const levels = await inGroups(armed, (line) => attempt({ type: MSG.GET_VALUE, line, value: 0 }));
  armed.forEach((line, i) => {
    items.push({ kind: 'enabled', line, type: interruptTypeName(memory.irqType(line)) });
    const level = levels[i];
    if (level !== undefined) items.push({ kind: 'level', line, level: level === 0 ? 0 : 1 });
  });
  return { items, armed };
}

/**
 * After a resume: requests that were in flight have an unknown outcome. Outputs are read, and set
 * only where they differ from the last state asked for; everything else may be asked twice.
 */
export async function settleUnknown(queues: GpioQueues, outcomes: readonly UnknownOutcome[]): Promise<void> {
  const byLine = new Map<number, UnknownOutcome[]>();
  for (const outcome of outcomes) {
    const same = byLine.get(outcome.ask.line);
    if (same === undefined) byLine.set(outcome.ask.line, [outcome]);
    else same.push(outcome);
  }
  await inGroups([...byLine], ([line, ofLine]) => settleLine(queues, line, ofLine));
}

/** Takes from lines what they were given back of while there was no channel. */
export async function clearLeftovers(
  queues: GpioQueues,
  leftovers: ReadonlyMap<number, Leftover>,
  log: DriverLog,
): Promise<void> {
  const giveBack = async ([line, leftover]: [number, Leftover]): Promise<void> => {
    if (queues.events !== undefined && leftover.interrupt) {
      queues.events.off(line);
      await unlessRefused(queues, { type: MSG.SET_IRQ_TYPE, line, value: IRQ_TYPE.NONE }, log);
    }
    if (leftover.direction) {
      await unlessRefused(queues, { type: MSG.SET_DIRECTION, line, value: DIRECTION.NONE }, log);
    }
    queues.irqUnknown[line] = 0;
  };
  await inGroups([...leftovers], giveBack);
}

function setAgain(line: number, memory: LineMemory): Ask[] {
  const asks: Ask[] = [];
  const value = memory.value(line);
  const direction = memory.direction(line);
  if (value !== undefined) asks.push({ type: MSG.SET_VALUE, line, value });
  if (direction !== undefined && direction !== DIRECTION.NONE) {
    asks.push({ type: MSG.SET_DIRECTION, line, value: direction });
  }
  return asks;
}

async function settleLine(
  queues: GpioQueues,
  line: number,
  outcomes: readonly UnknownOutcome[],
): Promise<void> {
  const sets = outcomes.filter(({ ask }) => ask.type === MSG.SET_VALUE || ask.type === MSG.SET_DIRECTION);
  if (sets.length > 0) {
    try {
      await setWhatDiffers(queues, line, sets);
      for (const set of sets) set.resolve();
    } catch (error) {
      if (!isRefusal(error)) throw error;
      for (const set of sets) set.refuse();
    }
  }
  // Reads, and interrupt types: the one already set answers OK and changes nothing (D21).
  for (const outcome of outcomes) if (!sets.includes(outcome)) outcome.again();
}

async function setWhatDiffers(
  queues: GpioQueues,
  line: number,
  sets: readonly UnknownOutcome[],
): Promise<void> {
  const lastOf = (type: number): number | undefined =>
    sets.findLast(({ ask }) => ask.type === type)?.ask.value;
  const ask = (type: number, value = 0): Promise<number> => queues.ask({ type, line, value }, true);
  const wantedValue = lastOf(MSG.SET_VALUE);
  const wantedDirection = lastOf(MSG.SET_DIRECTION);
  const direction = await ask(MSG.GET_DIRECTION);
  // Of a line that is no output, the value that was kept cannot be read, and setting it shows nowhere (D6).
  const differs = direction !== DIRECTION.OUT || (await ask(MSG.GET_VALUE)) !== wantedValue;
  if (wantedValue !== undefined && differs) await ask(MSG.SET_VALUE, wantedValue);
  if (wantedDirection !== undefined && direction !== wantedDirection) {
    await ask(MSG.SET_DIRECTION, wantedDirection);
  }
}

/** The answer; undefined, with a warning, when the device refuses. */
async function unlessRefused(queues: GpioQueues, ask: Ask, log: DriverLog): Promise<number | undefined> {
  try {
    return await queues.ask(ask, true);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    log('warn', `${(error as Error).message}, while lines were set again`);
    return undefined;
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof BridgeError && error.name === 'DEVICE_ERROR';
}
