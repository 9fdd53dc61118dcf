import { execFileSync } from 'node:child_process';
import { ROOT } from '../../support/root.js';
import type { PreparedGuest } from './prepared-guest.js';

/** A device that a process outside the guest plays, over a vhost-user socket on which that process listens. */
export interface VhostUserDevice {
  /** What the guest's kernel takes it for: a remote processor with rpmsg, or a GPIO controller. */
  readonly kind: 'rpmsg' | 'gpio';
  readonly socket: string;
}

export interface MachineOptions {
  readonly devices: readonly VhostUserDevice[];
  readonly memoryMb: number;
  readonly cpus: number;
}

/** Sockets by which the test reaches the guest; the test listens on `agent`, QEMU on `qmp`. */
export interface MachineSockets {
  readonly agent: string;
  readonly qmp: string;
}

const VIRTIO_ID = { rpmsg: 7, gpio: 41 } as const;
/** Bit 0 in both: VIRTIO_RPMSG_F_NS (name service), VIRTIO_GPIO_F_IRQ. */
const FEATURES = 1;
/** x86-64-v2. A later one has AVX, which programs then use: emulated, that takes them a third longer. */
const CPU = 'Nehalem';
/** Slots from here on are for the devices under test. */
const FIRST_SLOT = 0x10;
const RECONNECT_S = 1;
/** From here on QEMU has another GPIO front end, which does not wait for the connection of a socket that reconnects. */
const FIRST_WITHOUT_RECONNECT = 9;

/** The QEMU to run: GPIOBRIDGE_QEMU, or the one on PATH. */
export const qemuProgram = (): string => process.env.GPIOBRIDGE_QEMU ?? 'qemu-system-x86_64';

/** Whether QEMU comes back to a backend that went away. */
export function canReconnect(): boolean {
  const shown = execFileSync(qemuProgram(), ['--version'], { encoding: 'utf8' });
  return Number(/version (\d+)/.exec(shown)?.[1]) < FIRST_WITHOUT_RECONNECT;
}

/** The name by which QMP knows a device under test. */
export const deviceId = (index: number): string => `device${index}`;

/** The name of the socket to its backend. */
export const backendId = (index: number): string => `backend${index}`;

/** The slot of a device under test on the guest's PCI bus. */
const slotOf = (index: number): string => (FIRST_SLOT + index).toString(16);

/** Its address there, as sysfs writes it. */
export const pciAddress = (index: number): string => `0000:00:${slotOf(index)}.0`;

/**
 * The command line of QEMU 7.2 and later. Guest memory is a shared memfd, which vhost-user backends map; the
 * processor is emulated, as /dev/kvm cannot be counted upon.
 */
export function qemuArguments(
  guest: PreparedGuest,
  options: MachineOptions,
  sockets: MachineSockets,
): string[] {
  const memory = `${options.memoryMb}M`;
  return [
    ...['-accel', 'tcg', '-M', 'pc,memory-backend=memory', '-cpu', CPU, '-smp', `${options.cpus}`],
    ...['-m', memory, '-object', `memory-backend-memfd,id=memory,size=${memory},share=on`],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-serial', 'stdio'],
    ...['-kernel', guest.vmlinux, '-initrd', guest.initramfs, '-append', kernelCommandLine(options)],
    ...[
      '-chardev',
      `socket,id=qmp,path=${sockets.qmp},server=on,wait=off`,
      '-mon',
      'chardev=qmp,mode=control',
    ],
    ...shareArguments('host', '/'),
    ...shareArguments('guest', guest.root),
    ...['-chardev', `socket,id=agent,path=${sockets.agent}`],
    ...['-device', 'virtio-serial-pci', '-device', 'virtserialport,chardev=agent,name=agent'],
    ...options.devices.flatMap((device, index) => deviceArguments(device, index)),
  ];
}

/** A folder of this machine that the guest may read, under a name. */
function shareArguments(name: string, path: string): string[] {
  return [
    ...['-fsdev', `local,id=${name},path=${path},security_model=none,readonly=on,multidevs=remap`],
    ...['-device', `virtio-9p-pci,fsdev=${name},mount_tag=${name}`],
  ];
}

function deviceArguments({ socket }: VhostUserDevice, index: number): string[] {
  const reconnect = canReconnect() ? `,reconnect=${RECONNECT_S}` : '';
  const { driver, ...properties } = deviceProperties(index);
  const written = Object.entries(properties).map(([name, value]) => `${name}=${value}`);
  return [
    ...['-chardev', `socket,id=${backendId(index)},path=${socket}${reconnect}`],
    ...['-device', [driver, ...written].join(',')],
  ];
}

/** A device under test as `-device` and `device_add` take it. */
export function deviceProperties(index: number): {
  readonly driver: string;
  readonly [name: string]: string;
} {
  return {
    driver: 'vhost-user-gpio-pci',
    chardev: backendId(index),
    id: deviceId(index),
    addr: slotOf(index),
  };
}

/** Words without a dot that the kernel does not know become the environment of its first program (guest/init). */
function kernelCommandLine({ devices }: MachineOptions): string {
  const shape = devices.map(({ kind }, index) => `${pciAddress(index)}@${VIRTIO_ID[kind]}@${FEATURES}`);
  const words = {
    guest_project: ROOT,
    guest_node: process.execPath,
    ...(shape.length === 0 ? {} : { guest_shape: shape.join(',') }),
  };
  const spaced = Object.values(words).find((value) => /\s/.test(value));
  if (spaced !== undefined)
    throw new Error(`"${spaced}" has a space in it, and the kernel's command line has no room for that`);
  const ours = Object.entries(words).map(([name, value]) => `${name}=${value}`);
  // An oops ends the guest, so that the test learns of it with the console's last words. An emulated timer may be late: on a busy host the
  // kernel takes it for broken when it tries it at boot. What keeps secrets from speculation makes each system call dear, and an emulator has none.
  return [
    'console=ttyS0',
    'loglevel=5',
    'oops=panic',
    'panic=-1',
    'no_timer_check',
    'mitigations=off',
    ...ours,
  ].join(' ');
}
