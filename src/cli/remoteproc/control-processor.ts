import { BridgeError } from '../../base/errors.js';
import { codeOf } from '../../linux/errno.js';
import type { ProcessorControl, RemoteProcessor, RemoteprocTree } from '../../linux/remoteproc.js';

export type ProcessorAction = 'start' | 'stop' | 'recover';

/**
 * A processor by device (`remoteproc0`), number or the name that its driver gave it. Throws NOT_FOUND,
 * or INVALID_ARGUMENT where several have the name.
 */
export function findProcessor(id: string, tree: RemoteprocTree): RemoteProcessor {
  const all = tree.processors();
  const exact = all.find(({ device }) => device === id || device === `remoteproc${id}`);
  if (exact !== undefined) return exact;
  const named = all.filter(({ name }) => name === id);
  if (named.length === 1) return named[0]!;
  const list = (of: readonly RemoteProcessor[]): string =>
    of.map(({ device, name }) => `${device} (${name})`).join(', ');
  if (named.length > 1) {
    throw new BridgeError('INVALID_ARGUMENT', `several processors are called '${id}': ${list(named)}`);
  }
  const there = all.length === 0 ? 'the kernel knows none' : `there is ${list(all)}`;
  throw new BridgeError('NOT_FOUND', `no remote processor '${id}': ${there}`);
}

/**
 * Starts, stops or recovers a processor; returns it as it is then. With `firmware`, that file is what it
 * starts with. Throws in one line with the remedy.
 */
export function controlProcessor(
  action: ProcessorAction,
  processor: RemoteProcessor,
  firmware: string | undefined,
  tree: RemoteprocTree,
): RemoteProcessor {
  refuseInState(action, processor);
  if (firmware !== undefined) write('firmware', firmware, action, processor, firmware, tree);
  if (action === 'recover') write('recovery', 'recover', action, processor, firmware, tree);
  else write('state', action, action, processor, firmware, tree);
  const now = tree.processor(processor.device);
  if (now === undefined) throw new BridgeError('IO_ERROR', `${titleOf(processor)} is gone`);
  if (now.state === 'crashed') {
    throw new BridgeError('DEVICE_ERROR', `${titleOf(now)} is crashed still: dmesg says more`);
  }
  return now;
}

/** `m4 (remoteproc0)` */
export function titleOf({ device, name }: RemoteProcessor): string {
  return name === device ? device : `${name} (${device})`;
}

/** What the kernel would refuse without a word, or do nothing about. */
function refuseInState(action: ProcessorAction, processor: RemoteProcessor): void {
  const { state, device } = processor;
  const refuse = (why: string): never => {
    throw new BridgeError('BUSY', `${titleOf(processor)} is ${state}: ${why}`);
  };
  const runs = state === 'running' || state === 'attached';
  if (action === 'start' && runs) refuse(`stop it first: gpiobridge remoteproc stop ${device}`);
  if (action === 'start' && state === 'crashed') refuse(`gpiobridge remoteproc recover ${device}`);
  if (action === 'stop' && state === 'offline') refuse('there is nothing to stop');
  if (action === 'recover' && state !== 'crashed') refuse('only one that crashed can be recovered');
}

function write(
  control: ProcessorControl,
  text: string,
  action: ProcessorAction,
  processor: RemoteProcessor,
  firmware: string | undefined,
  tree: RemoteprocTree,
): void {
  try {
    tree.write(processor, control, text);
  } catch (thrown) {
    throw refusal(action, processor, firmware ?? processor.firmware, thrown as NodeJS.ErrnoException);
  }
}

function refusal(
  action: ProcessorAction,
  processor: RemoteProcessor,
  firmware: string | undefined,
  error: NodeJS.ErrnoException,
): BridgeError {
  const what = `cannot ${action} ${titleOf(processor)}`;
  const failed = (why: string) => new BridgeError('DEVICE_ERROR', `${what}: ${why}`, { cause: error });
  switch (codeOf(error)) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new BridgeError(
        'PERMISSION_DENIED',
        `${what}: only root may: sudo gpiobridge remoteproc ${action} ${processor.device}`,
        { cause: error },
      );
    case 'ENOENT':
      return failed(
        action === 'start'
          ? `there is no firmware '${firmware ?? ''}' in /lib/firmware: put it there, or name another with --firmware`
          : 'it is gone',
      );
    case 'EBUSY':
      return new BridgeError('BUSY', `${what}: it is ${processor.state}: stop it first`, { cause: error });
    case 'EINVAL':
      return failed(
        action === 'start'
          ? `the kernel refuses the firmware '${firmware ?? ''}', or its driver cannot start: dmesg says more`
          : 'its driver does not allow it',
      );
    default:
      return failed(`${error.message}: dmesg says more`);
  }
}
