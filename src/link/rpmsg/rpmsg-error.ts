import { basename } from 'node:path';
import { BridgeError } from '../../base/errors.js';
import { codeOf } from '../../linux/errno.js';
import type { RemoteProcessor } from '../../linux/remoteproc.js';
import type { RpmsgEndpoint } from '../../linux/rpmsg-tree.js';
import { portForbidden, portTaken } from '../streams/tty-error.js';

/** What is wrong with an rpmsg endpoint, in one line with the remedy. */

/** Why /dev/rpmsgN cannot be opened, or a control device makes no endpoint. */
export function rpmsgOpenFailed(name: string, path: string, error: NodeJS.ErrnoException): BridgeError {
  const failed = (why: string) => new BridgeError('IO_ERROR', `${name}: ${why}`, { cause: error });
  switch (codeOf(error)) {
    case 'EACCES':
    case 'EPERM':
      return new BridgeError(
        'PERMISSION_DENIED',
        `${portForbidden(name, path).message} (udev rule: docs/rpmsg.md)`,
        { cause: error },
      );
    case 'EBUSY':
      return portTaken(name, path);
    case 'ENOENT':
      return failed(
        `${path} does not exist: is the remote processor running? gpiobridge remoteproc shows it`,
      );
    case 'ENXIO':
    case 'ENODEV':
      return failed(`the channel behind ${path} is gone`);
    case 'ENETRESET':
      return failed(`the remote processor behind ${path} is being reset: it is tried again`);
    case 'EINVAL':
      return failed(`the kernel makes no endpoint at ${path}: its address may be in use: choose another src`);
    default:
      return failed(`${basename(path)} cannot be opened: ${error.message}`);
  }
}

/** A service as errors name it, by its address as the firmware's source has it. */
export function titleOf({ name, dst }: Pick<RpmsgEndpoint, 'name' | 'dst'>): string {
  return `'${name}' (dst 0x${dst.toString(16)})`;
}

/** Why an endpoint that was open ended; `why`: what is known of the processor behind it that explains it. */
export function rpmsgEnded(error: NodeJS.ErrnoException | undefined, why: string | undefined): string {
  switch (error === undefined ? undefined : codeOf(error)) {
    case undefined:
    case 'EPIPE':
    case 'ENODEV':
    case 'ENXIO':
      return (
        why ?? 'the endpoint is gone: the remote processor stopped or restarted, or the channel was removed'
      );
    case 'ENETRESET':
      return why ?? 'the remote processor is being reset';
    case 'EINVAL':
      return 'the kernel knows no address to write to: give the service with ?dst=';
    default:
      return `the endpoint failed: ${error?.message ?? ''}`;
  }
}

/**
 * What a processor that serves nothing means for its endpoints, with the remedy; undefined: it serves. On its way
 * through a recovery a crashed one is offline for a while, which alone is no sign that somebody stopped it:
 * `hasCrashed`, it was seen crashed before.
 */
export function processorDown(
  { device, name, state, recovery }: RemoteProcessor,
  hasCrashed: boolean,
): string | undefined {
  const what = `remote processor ${name}`;
  const start = `gpiobridge remoteproc start ${device}`;
  switch (state) {
    case 'crashed':
      return recovery === 'disabled'
        ? `${what} crashed, and its recovery is disabled: gpiobridge remoteproc recover ${device}`
        : `${what} crashed: the kernel restarts it`;
    case 'offline':
      if (hasCrashed) return `${what} crashed, and is offline before it restarts; if it stays so: ${start}`;
      if (recovery === 'disabled') return `${what} was stopped: ${start}`;
      return `${what} is offline: stopped (${start}), or restarting after a crash`;
    case 'detached':
      return `${what} is detached: ${start}`;
    case 'deleted':
      return `${what} is deleted`;
    default:
      // A suspended one wakes up when something is sent to it.
      return undefined;
  }
}
