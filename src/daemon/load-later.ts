import { BridgeError } from '../base/errors.js';

/**
 * Loads what a daemon leaves out until it is wanted. An upgrade may have replaced the program's files since the
 * daemon started, and with them those that it did not load yet. Throws a BridgeError (`IO_ERROR`) then.
 */
export async function loadLater<T>(what: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (!isMissing(error)) throw error;
    const message = `${what} cannot be loaded: the files of gpiobridge were replaced while this daemon ran; restart it`;
    throw new BridgeError('IO_ERROR', message, { cause: error });
  }
}

/** What Node.js says of modules that are not there, or are not those that others expect. */
function isMissing(error: unknown): boolean {
  return error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
}
