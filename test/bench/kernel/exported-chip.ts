import { writeFileSync } from 'node:fs';
import { SimulatedCoprocessor } from '../../../firmware-sim/index.js';
import { Program, temporaryDirectory } from '../../support/program.js';

/** The input follows the output, as by a wire. */
export const WIRE = { input: 3, output: 4 } as const;

/** A chip of a simulated coprocessor, which a daemon offers to a guest. */
export interface ExportedChip {
  /** Where the hypervisor connects. */
  readonly socket: string;
  stop(): Promise<void>;
}

/** The simulated coprocessor in this process, the daemon in its own. */
export async function exportedChip(): Promise<ExportedChip> {
  const directory = temporaryDirectory();
  const coprocessor = new SimulatedCoprocessor({ lines: 8 });
  coprocessor.outputs$.subscribe(({ line, level }) => {
    if (line === WIRE.output) queueMicrotask(() => coprocessor.drive(WIRE.input, level));
  });
  const port = `unix:${directory.join('port')}`;
  const socket = directory.join('vm.sock');
  const config = directory.join('config.toml');
  await coprocessor.listen(port);
  writeFileSync(
    config,
    `[[coprocessor]]\nname = "hub"\nlink = "${port}"\n[[export]]\ntype = "vhost-user"\nchip = "hub"\nsocket = "${socket}"\n`,
  );
  const daemon = new Program(['daemon', '--runtime-dir', directory.join('run'), '--config', config]);
  await daemon.waitFor(/export_listening/);
  return {
    socket,
    stop: async () => {
      await daemon.stop();
      await coprocessor.close();
      directory.remove();
    },
  };
}
