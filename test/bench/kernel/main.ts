import { cpus } from 'node:os';
import { makeGpioSimChip } from '../../kernel/lab/gpio-sim.js';
import { kernelLab } from '../../kernel/lab/kernel-lab.js';
import { exportedChip, WIRE } from './exported-chip.js';
import { measure, type Rates } from './gpio-bench.js';

/** `npm run bench:kernel [-- SECONDS]` for each of the three figures of each chip. */
const seconds = Number(process.argv[2] ?? 3);

const cell = (text: string): string => text.padStart(12);
const row = (name: string, cells: readonly string[]): void =>
  console.log(`  ${name.padEnd(28)}${cells.map(cell).join('')}`);
const rates = ({ get, set, edge }: Rates): string[] => [get, set, edge].map((rate) => rate.toFixed(0));
const ratios = (ours: Rates, theirs: Rates): string[] =>
  (['get', 'set', 'edge'] as const).map((figure) => (ours[figure] / theirs[figure]).toFixed(5));

console.log(`node ${process.version}, ${cpus().length} x ${cpus()[0]?.model.trim()}`);
console.log('\nGPIO lines of a guest with an emulated processor, over /dev/gpiochipN: round trips a second');
const exported = await exportedChip();
const lab = await kernelLab({
  devices: [{ kind: 'gpio', socket: exported.socket }],
  modules: ['gpio-virtio'],
});
try {
  const chip = (await lab.guest.must('gpiodetect')).split(' ')[0]!;
  const bridged = await measure(lab.guest, { chip, ...WIRE }, seconds);
  const sim = await makeGpioSimChip(lab.guest, 'bench', 8);
  const yardstick = await measure(
    lab.guest,
    { chip: sim.chip, input: 3, output: 4, pullFile: sim.pullFile(3) },
    seconds,
  );
  row('', ['get', 'set', 'set to edge']);
  row('gpio-sim in the guest', rates(yardstick));
  row('gpiobridge, by vhost-user', rates(bridged));
  row('ratio', ratios(bridged, yardstick));
} finally {
  await lab.stop();
  await exported.stop();
}
