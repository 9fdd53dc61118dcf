import { readFileSync } from 'node:fs';

/** The version in package.json, which lies beside dist in a clone and in an installed package alike. */
export function packageVersion(): string {
  const file = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
