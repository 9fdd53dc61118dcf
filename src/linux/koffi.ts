import { createRequire } from 'node:module';
import type Koffi from 'koffi';

/**
 * The foreign-function library, loaded at its first use: programs that only parse a command line or
 * talk to the daemon do not pay for it.
 */
export function koffi(): typeof Koffi {
  loaded ??= createRequire(import.meta.url)('koffi') as typeof Koffi;
  return loaded;
}

let loaded: typeof Koffi | undefined;
