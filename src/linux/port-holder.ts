import { readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs';

/** A process that has a port open. */
export interface PortHolder {
  readonly pid: number;
  /** As in /proc/PID/comm; empty where it cannot be read. */
  readonly command: string;
}

/**
 * Who has a device open, as far as this user may look: from the descriptors in /proc, and from the
 * kernel's list of locks, which also names processes of other users. This process is left out.
 */
export function portHolders(path: string): PortHolder[] {
  const pids = new Set([...pidsWithOpen(path), ...pidsWithLock(path)]);
  pids.delete(process.pid);
  return [...pids].sort((a, b) => a - b).map((pid) => ({ pid, command: commandOf(pid) }));
}

/** `pid 123 (minicom)`, or undefined when nobody is found. */
export function describeHolders(path: string): string | undefined {
  const holders = portHolders(path);
  if (holders.length === 0) return undefined;
  return holders.map(({ pid, command }) => `pid ${pid}${command && ` (${command})`}`).join(', ');
}

function pidsWithOpen(path: string): number[] {
  const device = attempt(() => realpathSync(path));
  if (device === undefined) return [];
  return numericEntries('/proc').filter((pid) => {
    const folder = `/proc/${pid}/fd`;
    return numericEntries(folder).some((fd) => attempt(() => readlinkSync(`${folder}/${fd}`)) === device);
  });
}

/** Lines of /proc/locks: `1: FLOCK  ADVISORY  WRITE 1234 00:19:5 0 EOF` (device in hexadecimal, inode). */
function pidsWithLock(path: string): number[] {
  const stat = attempt(() => statSync(path));
  const locks = attempt(() => readFileSync('/proc/locks', 'utf8'));
  if (stat === undefined || locks === undefined) return [];
  const pids: number[] = [];
  for (const line of locks.split('\n')) {
    const match = /\s(\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) /.exec(line);
    if (match === null) continue;
    const [, pid, major, minor, inode] = match;
    const device = deviceNumber(Number.parseInt(major!, 16), Number.parseInt(minor!, 16));
    if (device === stat.dev && Number(inode) === stat.ino) pids.push(Number(pid));
  }
  return pids;
}

/** As the C library's makedev, for the device numbers that occur. */
function deviceNumber(major: number, minor: number): number {
  return (minor & 0xff) + (major & 0xfff) * 0x100 + (minor >>> 8) * 0x100000;
}

function commandOf(pid: number): string {
  return attempt(() => readFileSync(`/proc/${pid}/comm`, 'utf8').trim()) ?? '';
}

function numericEntries(folder: string): number[] {
  return (attempt(() => readdirSync(folder)) ?? []).filter((name) => /^\d+$/.test(name)).map(Number);
}

/** Processes come and go, and others' are closed to us: whatever fails is not there. */
function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
