import type { Guest } from './guest.js';

const CONFIGFS = '/sys/kernel/config';

/** A chip of the kernel's own simulator in the guest. */
export interface GpioSimChip {
  /** As in /dev: gpiochip0. */
  readonly chip: string;
  /** The file that pulls a line up or down: `pull-up` or `pull-down` is written to it. */
  pullFile(line: number): string;
}

/** Makes a chip by gpio-sim, whose module is loaded for that. */
export async function makeGpioSimChip(guest: Guest, name: string, lines: number): Promise<GpioSimChip> {
  await guest.load('gpio-sim');
  await guest.must(`mountpoint -q ${CONFIGFS} || mount -t configfs configfs ${CONFIGFS}`);
  const device = `${CONFIGFS}/gpio-sim/${name}`;
  await guest.must(
    `mkdir -p ${device}/bank && echo ${lines} > ${device}/bank/num_lines && echo 1 > ${device}/live`,
  );
  const [platform, chip] = (await guest.must(`cat ${device}/dev_name ${device}/bank/chip_name`)).split('\n');
  return {
    chip: chip!,
    pullFile: (line) => `/sys/devices/platform/${platform}/${chip}/sim_gpio${line}/pull`,
  };
}
