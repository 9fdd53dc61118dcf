import { readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { basename } from 'node:path';

/** Reading below /sys, where devices come and go between one read and the next: what fails is not there. */

/** Where the kernel shows its devices. */
export const SYSFS = '/sys';

/**
 * The text of an attribute without its last newline; undefined where it is gone or may not be read. Names come
 * from firmware, and go to terminals: control characters in them become `?`.
 */
export function attribute(path: string): string | undefined {
  return attempt(() => printable(readFileSync(path, 'utf8').replace(/\n$/, '')));
}

/** A name with `?` for control characters. */
export function printable(name: string): string {
  return name.replace(/\p{Cc}/gu, '?');
}

/** Names in a directory, numbers in them in their order; none where there is no directory. */
export function entries(path: string): string[] {
  return (attempt(() => readdirSync(path)) ?? []).sort(byNumber);
}

/** `rpmsg2` before `rpmsg10`. Not by Intl, which is slow to make and to ask. */
function byNumber(a: string, b: string): number {
  const [aParts, bParts] = [a.split(DIGITS), b.split(DIGITS)];
  const differs = aParts.findIndex((part, index) => part !== bParts[index]);
  const [aPart, bPart] = [aParts[differs] ?? '', bParts[differs] ?? ''];
  // Every second part is a number.
  if (differs % 2 === 1 && aPart !== '' && bPart !== '') return Number(aPart) - Number(bPart);
  return aPart < bPart ? -1 : 1;
}

const DIGITS = /(\d+)/;

/** Where a symbolic link of a device leads, as an absolute path. */
export function devicePath(link: string): string | undefined {
  return attempt(() => realpathSync.native(link));
}

/** Tells a device from one that took its place and its name; undefined where there is none. */
export function identity(path: string): number | undefined {
  return attempt(() => statSync(path).ino);
}

/** The last part of what a symbolic link names: the driver behind `driver`. */
export function linkedName(link: string): string | undefined {
  return attempt(() => basename(readlinkSync(link)));
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
