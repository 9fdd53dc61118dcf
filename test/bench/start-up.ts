import { spawnSync } from 'node:child_process';
import { Program, temporaryDirectory } from '../support/program.js';
import { percentile } from './process-cost.js';

/** From starting `gpiobridge daemon` and `mon` beside a coprocessor that runs, to the first event printed. */
export async function startUp(runs: number): Promise<void> {
  const bare = sorted(Array.from({ length: runs }, bareNode));
  const whole: number[] = [];
  for (let i = 0; i < runs; i++) whole.push(await firstEvent());
  const medians = [percentile(sorted(whole), 0.5), percentile(bare, 0.5)] as const;
  console.log(`Start-up: daemon and mon started, to the first event printed, ${runs} runs`);
  console.log(`  p50 ${medians[0].toFixed(0)} ms, longest ${Math.max(...whole).toFixed(0)} ms`);
  console.log(
    `  'node -e 0' alone takes ${medians[1].toFixed(0)} ms; ratio ${(medians[0] / medians[1]).toFixed(1)}`,
  );
}

function bareNode(): number {
  const began = performance.now();
  spawnSync(process.execPath, ['-e', '0']);
  return performance.now() - began;
}

async function firstEvent(): Promise<number> {
  const directory = temporaryDirectory();
  const port = directory.join('port');
  const sim = new Program(['sim', '--listen', `unix:${port}`, '--stimulus', 'toggle:0:1ms']);
  const programs = [sim];
  try {
    await sim.waitFor(/./);
    const began = performance.now();
    const runtimeDir = directory.join('run');
    const daemon = new Program(['daemon', '--runtime-dir', runtimeDir, '--link', `hub=unix:${port}`]);
    programs.push(daemon);
    await daemon.waitFor(/chip_added/);
    const mon = new Program(['mon', '--runtime-dir', runtimeDir, '-c', 'hub', '-n', '1', '0']);
    programs.push(mon);
    await mon.waitFor(/rising|falling/);
    return performance.now() - began;
  } finally {
    await Promise.all(programs.map((program) => program.stop('SIGKILL')));
    directory.remove();
  }
}

function sorted(values: number[]): number[] {
  return values.sort((a, b) => a - b);
}
