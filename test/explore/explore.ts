import { createHash } from 'node:crypto';

/**
 * Walks every state that a model reaches in a number of steps, each once: breadth first, so that the
 * path to what is wrong is a shortest one.
 */
export interface Model<State> {
  readonly start: State;
  /** What may happen next, and what comes of it; states are never changed in place. */
  next(state: State): Iterable<Step<State>>;
  /** Equal for states from which the same can follow. */
  key(state: State): string;
  /** What went wrong on the way to the state, in words; undefined when all is well. */
  wrong(state: State): string | undefined;
  /** What is wrong with what follows from the state; not asked again of one with the same key. */
  wrongFromHere(state: State): string | undefined;
  /** What is wrong with a state in which nothing more happens. */
  wrongAtEnd(state: State): string | undefined;
}

export interface Step<State> {
  /** For the path that is printed. */
  readonly name: string;
  readonly state: State;
}

export interface Exploration {
  /** Distinct states seen. */
  readonly states: number;
  /** Steps tried. */
  readonly steps: number;
  /** Steps of the longest of the shortest paths. */
  readonly depth: number;
  /** States in which nothing more happens. */
  readonly ends: number;
  /** Nothing new is left to find: neither depth nor number of states limited what was shown. */
  readonly complete: boolean;
}

/** How a state was reached. The states on the way are not kept: there are too many. */
interface Path {
  readonly from: Path | undefined;
  readonly name: string;
}

interface Reached<State> {
  readonly state: State;
  readonly path: Path;
}

export interface ExploreLimits {
  readonly depth: number;
  readonly states: number;
}

/** Throws with the shortest path to the first wrong state. */
export function explore<State>(model: Model<State>, limits: ExploreLimits): Exploration {
  const seen = new Set([digest(model.key(model.start))]);
  let rim: Reached<State>[] = [{ state: model.start, path: { from: undefined, name: 'start' } }];
  let steps = 0;
  let ends = 0;
  let depth = 0;
  while (rim.length > 0 && depth < limits.depth && seen.size < limits.states) {
    const next: Reached<State>[] = [];
    for (const at of rim) {
      let followed = false;
      for (const { name, state } of model.next(at.state)) {
        followed = true;
        steps++;
        const path = { from: at.path, name };
        complain(model.wrong(state), path);
        const key = digest(model.key(state));
        if (seen.has(key)) continue;
        seen.add(key);
        complain(model.wrongFromHere(state), path);
        next.push({ state, path });
      }
      if (followed) continue;
      ends++;
      complain(model.wrongAtEnd(at.state), at.path);
    }
    rim = next;
    depth++;
  }
  return { states: seen.size, steps, depth, ends, complete: rim.length === 0 };
}

function complain(wrong: string | undefined, path: Path): void {
  if (wrong !== undefined) throw new Error(`${wrong}\n  ${inWords(path)}`);
}

/** 96 bits stand for a key: two states that fall together would hide one, once in 2^50 explorations. */
function digest(key: string): string {
  return createHash('sha1').update(key).digest('base64url').slice(0, 16);
}

function inWords(path: Path): string {
  const names: string[] = [];
  for (let at: Path | undefined = path; at !== undefined; at = at.from) names.push(at.name);
  return names.reverse().join('\n  ');
}
