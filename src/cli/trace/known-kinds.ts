import { ENTRY_KINDS } from './entry.js';
import { MESSAGE_NAMES } from './message-words.js';

/** What `--kind` takes. */
export const knownKinds: ReadonlySet<string> = new Set([
  ...ENTRY_KINDS,
  ...Object.keys(MESSAGE_NAMES),
  'dropped',
  'source',
]);
