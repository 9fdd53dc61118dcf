import { type ChildProcess, spawn } from 'node:child_process';
import type { SimulatedCoprocessor } from '../../firmware-sim/index.js';
import { MAIN } from '../support/root.js';
import type { Cell } from './cells.js';

const KILL_EVERY_MS = 700;
/** Of the cell's rate: edges on the lines of the programs beside. */
const RATE_PART = 1 / 6;

/** Programs that follow further lines of the chip and behave badly: nobody else is to notice. */
export class Beside {
  private child: ChildProcess;
  private readonly timer: NodeJS.Timeout | undefined;

  constructor(
    { beside, rate }: Pick<Cell, 'beside' | 'rate'>,
    private readonly runtimeDir: string,
    private readonly first: number,
    coprocessor: SimulatedCoprocessor,
  ) {
    coprocessor.addStimulus({
      kind: 'random',
      controller: 1,
      first,
      last: first + 1,
      edgesPerSecond: rate * RATE_PART,
    });
    this.child = this.start();
    if (beside === 'slow-client') return;
    this.timer = setInterval(() => {
      this.child.kill('SIGKILL');
      this.child = this.start();
    }, KILL_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.timer);
    this.child.kill('SIGKILL');
  }

  /** Its output is never read: it blocks, and then does not read its socket. */
  private start(): ChildProcess {
    const lines = [this.first, this.first + 1].map(String);
    const args = ['mon', '--runtime-dir', this.runtimeDir, '-c', 'hub', ...lines];
    return spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  }
}
