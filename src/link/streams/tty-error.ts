import { accessSync, constants, readdirSync, readFileSync, type Stats, statSync } from 'node:fs';
import { BridgeError } from '../../base/errors.js';
import { describeHolders } from '../../linux/port-holder.js';

/** What is wrong with a serial port, in one line with the remedy. */

export function portMissing(name: string, path: string): BridgeError {
  const candidates = portCandidates();
  const found =
    candidates.length === 0 ? 'and no serial port is connected' : `there is ${candidates.join(', ')}`;
  return new BridgeError('IO_ERROR', `${name}: ${path} does not exist; ${found}`);
}

export function portTaken(name: string, path: string): BridgeError {
  const holders = describeHolders(path);
  const who =
    holders === undefined
      ? 'by a program that this user may not see: end it (root finds it with fuser)'
      : `by ${holders}: end it first`;
  return new BridgeError('BUSY', `${name}: ${path} is in use ${who}`);
}

export function portForbidden(name: string, path: string): BridgeError {
  const stat = statSync(path, { throwIfNoEntry: false });
  const remedy = stat === undefined ? 'ask its owner for access' : groupRemedy(stat);
  return new BridgeError('PERMISSION_DENIED', `${name}: no permission to open ${path}: ${remedy}`);
}

export function notATty(name: string, path: string, what: string): BridgeError {
  return new BridgeError('INVALID_ARGUMENT', `${name}: ${path} is ${what}, not a serial port or terminal`);
}

export function openFailed(name: string, path: string, error: NodeJS.ErrnoException): BridgeError {
  const options = { cause: error };
  switch (error.code) {
    case 'EACCES':
    case 'EPERM':
      return portForbidden(name, path);
    case 'EBUSY':
      return portTaken(name, path);
    case 'ENOENT':
      return portMissing(name, path);
    case 'ENXIO':
    case 'ENODEV':
    case 'EIO':
      return new BridgeError('IO_ERROR', `${name}: no device answers behind ${path}: plug it in`, options);
    default:
      return new BridgeError('IO_ERROR', `${name}: ${path} cannot be opened: ${error.message}`, options);
  }
}

function groupRemedy(stat: Stats): string {
  const group = groupName(stat.gid);
  if ((stat.mode & 0o060) === 0o060 && stat.gid !== 0) {
    return `group ${group} may: sudo usermod -aG ${group} $USER, then log in again`;
  }
  return `it belongs to uid ${stat.uid}, group ${group}, mode ${(stat.mode & 0o777).toString(8).padStart(4, '0')}`;
}

function groupName(gid: number): string {
  try {
    const line = readFileSync('/etc/group', 'utf8')
      .split('\n')
      .find((entry) => entry.split(':')[2] === String(gid));
    return line?.split(':')[0] ?? String(gid);
  } catch {
    return String(gid);
  }
}

const PORT_NAMES = /^tty(ACM|USB|AMA|THS|mxc|LP|PS|RPMSG|STM|SC|UL)\d+$/;
const MOST_CANDIDATES = 5;

/** Ports that could be meant: the lasting names first. */
export function portCandidates(): string[] {
  const lasting = entries('/dev/serial/by-id').map((name) => `/dev/serial/by-id/${name}`);
  const plain = entries('/dev')
    .filter((name) => PORT_NAMES.test(name))
    .map((name) => `/dev/${name}`);
  return [...lasting, ...plain].slice(0, MOST_CANDIDATES);
}

function entries(folder: string): string[] {
  try {
    accessSync(folder, constants.R_OK);
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
