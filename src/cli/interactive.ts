import { createInterface, type Interface } from 'node:readline';
import { errorLines, ManyErrors, UsageError } from './errors.js';
import type { HeldLines } from './held-lines.js';
import {
  completeInteractiveLine,
  INTERACTIVE_HELP,
  type InteractiveCommand,
  parseInteractiveLine,
} from './interactive-line.js';
import { formatValues } from './line-value.js';
import { print, printJson } from './output.js';
import { pause } from './pause.js';

const PROMPT = 'gpioset> ';
const HISTORY = 20;

export interface InteractiveOptions {
  readonly unquoted?: boolean;
  /** Values as JSON, and nothing else on stdout: no prompt; what was mistyped goes to stderr. */
  readonly json?: boolean;
}

/**
 * Obeys the commands that come from stdin, until `exit` or its end; rejects when the signal is aborted.
 * With editing, history and completion where a person types.
 */
export async function interact(
  held: HeldLines,
  program: string,
  options: InteractiveOptions,
  signal: AbortSignal,
): Promise<void> {
  const typed = process.stdin.isTTY === true && process.stdout.isTTY === true && !options.json;
  const terminal = createInterface({
    input: process.stdin,
    ...(options.json ? {} : { output: process.stdout }),
    terminal: typed,
    prompt: PROMPT,
    historySize: HISTORY,
    completer: (text: string) => completeInteractiveLine(text, held.ids),
  });
  // In raw mode Ctrl-C is a key: make it the signal that it is elsewhere.
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const lines = new LineQueue(terminal, signal);
  /** Returns false for `exit`. */
  const obey = async (line: string): Promise<boolean> => {
    const command = await understand(line, held, options);
    switch (command.kind) {
      case 'get':
        await show(held, command.ids, options);
        break;
      case 'set':
        await complain(program, await held.set(command.values));
        break;
      case 'toggle':
        await complain(program, await held.toggle(command.ids));
        break;
      case 'sleep':
        await pause(command.microseconds, signal);
        break;
      case 'help':
        await print(INTERACTIVE_HELP, options.json ? process.stderr : process.stdout);
    }
    return command.kind !== 'exit';
  };
  try {
    for (;;) {
      if (!options.json) terminal.prompt();
      const line = await lines.next();
      if (line === undefined || !(await obey(line))) return;
    }
  } finally {
    terminal.close();
    // A pipe that somebody still holds open must not keep the program alive.
    process.stdin.destroy();
  }
}

/** What was typed; `nothing` where it made no sense, which is then said. */
async function understand(
  line: string,
  held: HeldLines,
  options: InteractiveOptions,
): Promise<InteractiveCommand> {
  try {
    return parseInteractiveLine(line, held.ids);
  } catch (thrown) {
    if (!(thrown instanceof UsageError)) throw thrown;
    await print(`${thrown.message}\n`, options.json ? process.stderr : process.stdout);
    return { kind: 'nothing' };
  }
}

function complain(program: string, problems: readonly string[]): Promise<void> {
  return print(errorLines(program, new ManyErrors(problems)), process.stderr);
}

async function show(
  held: HeldLines,
  ids: readonly string[] | undefined,
  options: InteractiveOptions,
): Promise<void> {
  if (options.json) {
    for (const object of held.objectsOf(ids)) await printJson(object);
    return;
  }
  const style = { numeric: false, unquoted: options.unquoted ?? false };
  await print(`${formatValues(held.valuesOf(ids), style)}\n`);
}

/** Lines of an input, one after the other: readline hands them out whether anybody waits or not. */
class LineQueue {
  private readonly waiting: string[] = [];
  private ended = false;
  private wake: () => void = () => undefined;

  constructor(
    private readonly source: Interface,
    private readonly signal: AbortSignal,
  ) {
    source.on('line', (line) => {
      this.waiting.push(line);
      // Whoever pipes a long script in waits with us; what a person types ahead is still taken.
      if (!source.terminal) source.pause();
      this.wake();
    });
    source.on('close', () => {
      this.ended = true;
      this.wake();
    });
    signal.addEventListener('abort', () => this.wake(), { once: true });
  }

  /** The next line; undefined after the last. Rejects when the signal is aborted. */
  async next(): Promise<string | undefined> {
    while (this.waiting.length === 0 && !this.ended && !this.signal.aborted) {
      this.source.resume();
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    this.signal.throwIfAborted();
    return this.waiting.shift();
  }
}
