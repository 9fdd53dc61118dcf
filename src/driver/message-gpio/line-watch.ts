import type { InterruptItem, InterruptType, Level } from '../remote-gpio.js';

/**
 * The interrupt of one line under a dialect that masks it with every interrupt and counts nothing
 * (docs/dialects.md, "Interrupts"): a pure state machine, {@link stepLine}. It decides when the line is
 * unmasked and when its level is read, and what may be said of it: an edge for each interrupt and
 * for nothing else, and a level that contradicts them only when no interrupt can explain it.
 */
export interface LineWatch {
  readonly line: number;
  phase: Phase;
  type: InterruptType;
  /** The interrupt was told to be enabled. */
  told: boolean;
  /** An interrupt came since the line was last unmasked: it is masked. */
  masked: boolean;
  /** The level that the edges told so far leave; null: unknown. Of both-edge interrupts alone. */
  believed: Level | null;
  /** Edges told whose level has not been, and of those the ones since the last unmask. */
  unresolved: number;
  sinceUnmask: number;
  /** A level that was read and contradicts what is believed; an interrupt may still explain it. */
  suspect: Level | null;
  /** When an interrupt, an unmask or a read was last answered, ms. */
  heardAt: number;
}

/**
 * `off`: nothing of the line is taken. `enabling`: the enabling request is not answered. `idle`:
 * unmasked. `pausing`, `unmasking`, `reading`: that is asked for or waited for. `closing`: being
 * switched off; what comes is still told.
 */
type Phase = 'off' | 'enabling' | 'idle' | 'pausing' | 'unmasking' | 'reading' | 'closing';

export type LineInput =
  /** The enabling request was sent; `level` was read before it. */
  | { readonly kind: 'enabling'; readonly type: InterruptType; readonly level: Level | null }
  | { readonly kind: 'enabled' }
  | { readonly kind: 'not-enabled' }
  | { readonly kind: 'interrupt' }
  /** The unmasking request leaves now. */
  | { readonly kind: 'unmask-sent' }
  | { readonly kind: 'unmasked' }
  /** It was refused: again after a pause. Or it got no answer, which took its time already: again. */
  | { readonly kind: 'not-unmasked'; readonly refused: boolean }
  | { readonly kind: 'read'; readonly level: Level }
  /** No answer, or a refusal: then it is not asked again. */
  | { readonly kind: 'not-read'; readonly refused: boolean }
  | { readonly kind: 'pause-over' }
  /** An interrupt may have been lost on its way: the line may be masked without our knowing. */
  | { readonly kind: 'arm-again' }
  /** Nothing was heard of the line for a while: whether it is where its edges left it. */
  | { readonly kind: 'look' }
  /** The channel is another one: interrupts may have gone to the one that was, and edges with them. */
  | { readonly kind: 'renewed' }
  /** The channel is gone: nothing more will be read or answered. */
  | { readonly kind: 'suspended' }
  | { readonly kind: 'closing' }
  | { readonly kind: 'closed' };

export type LineOutput =
  | { readonly kind: 'item'; readonly item: InterruptItem }
  | { readonly kind: 'unmask' }
  | { readonly kind: 'read' }
  /** Limit `rearm_pause`; `refused`: a longer one. */
  | { readonly kind: 'pause'; readonly refused: boolean }
  /** An interrupt of a line whose interrupt is off. */
  | { readonly kind: 'stray' };

export function newLineWatch(line: number): LineWatch {
  return {
    line,
    phase: 'off',
    type: 'both',
    told: false,
    masked: false,
    believed: null,
    unresolved: 0,
    sinceUnmask: 0,
    suspect: null,
    heardAt: 0,
  };
}

/** Takes an input at `now`, changes `watch`, and returns what is to be done, in order. */
export function stepLine(watch: LineWatch, input: LineInput, now: number): LineOutput[] {
  const out: LineOutput[] = [];
  watch.heardAt = now;
  switch (input.kind) {
    case 'enabling':
      Object.assign(watch, newLineWatch(watch.line), { phase: 'enabling', type: input.type, heardAt: now });
      watch.believed = input.type === 'both' ? input.level : null;
      break;
    case 'enabled':
      enabled(watch, out);
      break;
    case 'not-enabled':
    case 'closed':
      if (watch.told) tell(out, { kind: 'disabled', line: watch.line, counted: false });
      Object.assign(watch, newLineWatch(watch.line), { heardAt: now });
      break;
    case 'interrupt':
      interrupted(watch, out);
      break;
    case 'unmask-sent':
      watch.masked = false;
      watch.sinceUnmask = 0;
      break;
    case 'unmasked':
      if (watch.phase === 'unmasking') afterUnmask(watch, out);
      break;
    case 'not-unmasked':
      if (watch.phase !== 'unmasking') break;
      if (input.refused) pause(watch, true, out);
      else unmask(watch, out);
      break;
    case 'read':
      if (watch.phase === 'reading') levelRead(watch, input.level, out);
      break;
    case 'not-read':
      if (watch.phase !== 'reading') break;
      if (input.refused || watch.masked) levelUnread(watch, out);
      else read(watch, out);
      break;
    case 'pause-over':
      if (watch.phase === 'pausing') unmask(watch, out);
      break;
    case 'arm-again':
      // A level that is waited for may be told, and the line be masked all the same.
      if (watch.phase === 'idle' || watch.phase === 'reading') unmask(watch, out);
      break;
    case 'look':
      if (watch.phase === 'idle' && watch.type === 'both') read(watch, out);
      break;
    case 'renewed':
      levelsUnread(watch, watch.unresolved, out);
      watch.believed = null;
      watch.suspect = null;
      break;
    case 'suspended':
      levelsUnread(watch, watch.unresolved, out);
      watch.phase = 'off';
      break;
    case 'closing':
      watch.phase = 'closing';
      break;
  }
  return out;
}

/** Whether interrupts of the line are wanted. */
export function isOn({ phase }: LineWatch): boolean {
  return phase !== 'off' && phase !== 'closing' && phase !== 'enabling';
}

function enabled(watch: LineWatch, out: LineOutput[]): void {
  if (watch.phase !== 'enabling') return;
  if (watch.type === 'both') {
    // Only now is it known what changes come as interrupts: the level tells whether one came in between.
    read(watch, out);
    return;
  }
  tellEnabled(watch, out);
  if (watch.masked) rearm(watch, out);
  else watch.phase = 'idle';
}

function interrupted(watch: LineWatch, out: LineOutput[]): void {
  const { line } = watch;
  if (watch.phase === 'off') {
    out.push({ kind: 'stray' });
    return;
  }
  tellEnabled(watch, out);
  tell(out, { kind: 'edge', line, level: null, seq: null, deviceNs: null });
  watch.masked = true;
  if (watch.type === 'both') {
    watch.unresolved++;
    watch.sinceUnmask++;
    if (watch.believed !== null) watch.believed = watch.believed === 1 ? 0 : 1;
  }
  if (watch.phase === 'idle') rearm(watch, out);
}

/** A level that stays active comes back at once: its pace is ours. */
function rearm(watch: LineWatch, out: LineOutput[]): void {
  if (watch.type === 'level-high' || watch.type === 'level-low') pause(watch, false, out);
  else unmask(watch, out);
}

function afterUnmask(watch: LineWatch, out: LineOutput[]): void {
  if (watch.type === 'both') read(watch, out);
  else if (watch.masked) rearm(watch, out);
  else watch.phase = 'idle';
}

function levelRead(watch: LineWatch, level: Level, out: LineOutput[]): void {
  const { suspect } = watch;
  if (watch.masked) {
    // The interrupt that came meanwhile may be the reason of whatever was read.
    watch.suspect = null;
    tellLevels(watch, watch.unresolved - watch.sinceUnmask, level, out);
    unmask(watch, out);
    return;
  }
  if (watch.believed === null || (level === watch.believed && suspect === null)) {
    settle(watch, level, out);
    return;
  }
  if (suspect === null) {
    watch.suspect = level;
    read(watch, out);
    return;
  }
  // No interrupt came before the answer to the further read: edges are missing.
  if (watch.told && suspect !== level) {
    tellLevels(watch, Math.max(watch.unresolved, 1), suspect, out);
    watch.believed = suspect;
  }
  settle(watch, level, out);
  // The interrupt that is missing has masked the line.
  unmask(watch, out);
}

/** The level is known: it is told with the edges that wait for it, and where it is news. */
function settle(watch: LineWatch, level: Level, out: LineOutput[]): void {
  const isNews = watch.believed !== level || watch.unresolved > 0;
  watch.believed = level;
  if (!watch.told) tellEnabled(watch, out);
  else if (isNews) tellLevels(watch, Math.max(watch.unresolved, 1), level, out);
  watch.suspect = null;
  watch.phase = 'idle';
}

function levelUnread(watch: LineWatch, out: LineOutput[]): void {
  watch.suspect = null;
  levelsUnread(watch, watch.unresolved - watch.sinceUnmask, out);
  tellEnabled(watch, out);
  if (watch.masked) unmask(watch, out);
  else watch.phase = 'idle';
}

/** Edges alternate, so that their direction is known all the same where a level was before them. */
function levelsUnread(watch: LineWatch, count: number, out: LineOutput[]): void {
  if (watch.believed !== null) tellLevels(watch, count, watch.believed, out);
  else if (watch.unresolved > 0) {
    tell(out, { kind: 'level', line: watch.line, level: null });
    watch.unresolved = 0;
    watch.sinceUnmask = 0;
  }
}

function tellEnabled(watch: LineWatch, out: LineOutput[]): void {
  if (watch.told) return;
  watch.told = true;
  tell(out, { kind: 'enabled', line: watch.line, type: watch.type });
  if (watch.believed !== null) tell(out, { kind: 'level', line: watch.line, level: watch.believed });
}

/** One for each edge: the accounting takes them in pairs. */
function tellLevels(watch: LineWatch, count: number, level: Level, out: LineOutput[]): void {
  for (let i = 0; i < count; i++) tell(out, { kind: 'level', line: watch.line, level });
  watch.unresolved = Math.max(0, watch.unresolved - count);
}

function tell(out: LineOutput[], item: InterruptItem): void {
  out.push({ kind: 'item', item });
}

function unmask(watch: LineWatch, out: LineOutput[]): void {
  watch.phase = 'unmasking';
  out.push({ kind: 'unmask' });
}

function read(watch: LineWatch, out: LineOutput[]): void {
  watch.phase = 'reading';
  out.push({ kind: 'read' });
}

function pause(watch: LineWatch, refused: boolean, out: LineOutput[]): void {
  watch.phase = 'pausing';
  out.push({ kind: 'pause', refused });
}
