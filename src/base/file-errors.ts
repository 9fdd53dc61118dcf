import { messageOf } from './errors.js';

/** Why a file that somebody named cannot be read, in words that say what to do. */
export function whyNotReadable(thrown: unknown): string {
  switch ((thrown as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'there is no such file: make it, or give another';
    case 'EACCES':
    case 'EPERM':
      return 'no permission: let this user read it, or give another';
    case 'EISDIR':
      return 'it is a directory: give a file';
    case 'ENOTDIR':
      return 'what it is said to be in is not a directory: give another';
    default:
      return messageOf(thrown);
  }
}
