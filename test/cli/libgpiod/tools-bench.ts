import { mkdirSync, symlinkSync } from 'node:fs';
import { expect } from 'vitest';
import { askControl } from '../../../firmware-sim/control-client.js';
import { connect } from '../../../src/api/client/connect.js';
import { TOOL_NAMES } from '../../../src/cli/tool-name.js';
import { built, MAIN } from '../../support/built.js';
import { eventually, Program, temporaryDirectory } from '../../support/program.js';

/**
 * The chips of the bench: names by offset; all lines are inputs at 0 to begin with. A name is unique
 * within a virtio-gpio device, so that the suite's second `foobar` of a chip is left out.
 */
const CHIPS = {
  gpiochip0: ['', 'foo', 'bar', 'foobar', '', '', '', ''],
  gpiochip1: ['baz', '', 'foobar', 'foo', 'xyz', '', '', ''],
  gpiochip2: Array.from({ length: 16 }, () => ''),
  // Names that are offsets of other lines.
  gpiochip3: ['', '6', '42', '', '', '', '1', '13'],
} as const;

const INPUT = { direction: 'input', edges: 'none', activeLow: false, eventClock: 'monotonic' } as const;

export type ChipName = keyof typeof CHIPS;

/**
 * What gpio-sim is to libgpiod's own test suite: four simulated coprocessors and a daemon, and the
 * six tools under their own names, by symlinks to the program.
 */
export class ToolsBench {
  private readonly directory = temporaryDirectory();
  private readonly runtimeDir = this.directory.join('run');
  private readonly programs: Program[] = [];
  private running: Program[] = [];

  static async start(): Promise<ToolsBench> {
    await built();
    const bench = new ToolsBench();
    try {
      await bench.open();
    } catch (error) {
      await bench.stop();
      throw error;
    }
    return bench;
  }

  /** The path of a chip's socket, and of a symlink to it. */
  chipPath(chip: ChipName): string {
    return `${this.runtimeDir}/chips/${chip}`;
  }
  chipLink(chip: ChipName): string {
    return this.directory.join(`link-to-${chip}`);
  }

  /** Runs a tool to its end; `output` is stdout and stderr, as the suite takes them. */
  async run(tool: string, ...args: string[]): Promise<{ status: number | string; output: string }> {
    const program = this.spawn(tool, args);
    const status = await program.exit();
    return { status, output: program.stdout + program.stderr };
  }

  /** Starts a tool that a test leaves running; {@link endTools} ends it. */
  launch(tool: string, ...args: string[]): Program {
    const program = this.spawn(tool, args);
    this.running.push(program);
    return program;
  }

  /** As {@link launch}, and waits until its banner says that it is ready. */
  async ready(tool: string, ...args: string[]): Promise<Program> {
    const program = this.launch(tool, '--banner', ...args);
    await program.waitFor(/^(Setting|Monitoring|Watching) .*\.\.\.\n/);
    return program;
  }

  async endTools(): Promise<void> {
    await Promise.all(this.running.splice(0).map((program) => program.stop()));
  }

  /** {@link endTools}, and everything as it was: inputs, at 0. */
  async reset(): Promise<void> {
    await this.endTools();
    const daemon = await connect({ runtimeDir: this.runtimeDir });
    for (const [chip, names] of Object.entries(CHIPS)) {
      const client = await daemon.openChip(chip);
      const offsets = names.map((_, offset) => offset);
      const request = await client.requestLines({ consumer: 'reset', offsets, config: INPUT });
      await request.release();
      for (const line of offsets)
        if (await this.level(chip as ChipName, line)) await this.drive(chip as ChipName, line, 0);
    }
    daemon.close();
  }

  /** Applies levels to a pin from outside, one after the other. */
  async drive(chip: ChipName, line: number, ...levels: (0 | 1)[]): Promise<void> {
    for (const level of levels) await askControl(this.control(chip), { command: 'drive', line, level });
  }

  /** The level of a pin. */
  async level(chip: ChipName, line: number): Promise<0 | 1> {
    return (await askControl(this.control(chip), { command: 'pin', line })).level;
  }

  /** What the pins from offset 0 on show, as `01011`. */
  async levels(chip: ChipName, count: number): Promise<string> {
    let text = '';
    for (let line = 0; line < count; line++) text += await this.level(chip, line);
    return text;
  }

  levelBecomes(chip: ChipName, line: number, level: 0 | 1): Promise<true> {
    const probe = async () => ((await this.level(chip, line)) === level ? true : undefined);
    return eventually(probe, `line ${line} of ${chip} at ${level}`);
  }

  async stop(): Promise<void> {
    await this.endTools();
    await Promise.all(this.programs.splice(0).map((program) => program.stop()));
    this.directory.remove();
  }

  private async open(): Promise<void> {
    mkdirSync(this.directory.join('bin'));
    for (const tool of Object.keys(TOOL_NAMES)) symlinkSync(MAIN, this.directory.join(`bin/${tool}`));
    const links = Object.entries(CHIPS).flatMap(([chip, names]) => {
      const port = this.directory.join(`port-${chip}`);
      const lines = ['--lines', String(names.length), '--names', names.join(',')];
      const control = ['--control', this.control(chip as ChipName)];
      this.programs.push(new Program(['sim', '--listen', `unix:${port}`, ...control, ...lines]));
      symlinkSync(this.chipPath(chip as ChipName), this.chipLink(chip as ChipName));
      return ['--link', `${chip}=unix:${port}`];
    });
    await Promise.all(this.programs.map((sim) => sim.waitFor(/listening/)));
    this.programs.push(new Program(['daemon', '--runtime-dir', this.runtimeDir, ...links]));
    const allUp = async () => ((await this.run('gpiodetect')).status === 0 ? true : undefined);
    await this.programs.at(-1)!.waitFor(/event=ready/);
    await eventually(allUp, 'four chips to be up');
  }

  private spawn(tool: string, args: readonly string[]): Program {
    return new Program(
      args,
      { GPIOBRIDGE_RUNTIME_DIR: this.runtimeDir, TZ: 'Asia/Tokyo' },
      { executable: this.directory.join(`bin/${tool}`), stdin: 'pipe' },
    );
  }

  private control(chip: ChipName): string {
    return this.directory.join(`sim-${chip}`);
  }
}

/** A command that runs to its end: the tool and its arguments, what its output is, its status. */
export type Run = readonly [command: readonly string[], output: string | RegExp, status: number];

/** Runs each command and compares; a regular expression has to match the whole output. */
export async function expectRuns(bench: ToolsBench, runs: readonly Run[]): Promise<void> {
  for (const [[tool, ...args], expected, status] of runs) {
    const result = await bench.run(tool!, ...args);
    const text = `${tool} ${args.join(' ')}`;
    if (typeof expected === 'string') expect(result.output, text).toBe(expected);
    else expect(result.output, text).toMatch(expected);
    expect(result.status, text).toBe(status);
  }
}
