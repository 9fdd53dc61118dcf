import { chownSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_SOCKET_MODE, type SocketAccess } from '../api/server/socket.js';
import { BridgeError } from '../base/errors.js';
import { Problems } from '../base/problems.js';
import { resolveAccess } from './config/accounts.js';
import type { AccessConfig, DaemonConfig } from './config/config.js';

/** Who may use which socket, with names resolved. */
export interface ResolvedAccess {
  readonly control: SocketAccess;
  readonly metrics: SocketAccess;
  /** By name of the coprocessor. */
  readonly coprocessors: ReadonlyMap<string, SocketAccess>;
  /** By name of the export. */
  readonly exports: ReadonlyMap<string, SocketAccess>;
  /** By name of the synthetic chip. */
  readonly synthetics: ReadonlyMap<string, SocketAccess>;
}

const NOBODY_ELSE: AccessConfig = { owner: undefined, group: undefined, mode: 0o600, key: 'metrics' };

/** Throws CONFIG_INVALID with every user and group that does not exist (any more). */
export function resolveAllAccess(config: DaemonConfig): ResolvedAccess {
  const problems = new Problems();
  const control = resolveAccess(controlAccess(config), problems);
  const metrics = resolveAccess(config.metrics?.access ?? NOBODY_ELSE, problems);
  const coprocessors = config.coprocessors.map(
    ({ name, access }) => [name, resolveAccess(access, problems)] as const,
  );
  const exports = config.exports.map(({ name, access }) => [name, resolveAccess(access, problems)] as const);
  const synthetics = config.synthetics.map(
    ({ description, access }) => [description.name, resolveAccess(access, problems)] as const,
  );
  problems.throwIfAny();
  return {
    control,
    metrics,
    coprocessors: new Map(coprocessors),
    synthetics: new Map(synthetics),
    exports: new Map(exports),
  };
}

/**
 * Tries whether this process may give files in `dir` away as the sockets shall be; throws
 * PERMISSION_DENIED, naming the key, at start rather than when a coprocessor first answers.
 */
export function tryAccess(dir: string, config: DaemonConfig, resolved: ResolvedAccess): void {
  const file = join(dir, '.access');
  try {
    writeFileSync(file, '');
    tryOne(file, 'control_group', resolved.control);
    if (config.metrics !== undefined) tryOne(file, keysOf(config.metrics.access), resolved.metrics);
    for (const { name, access } of config.coprocessors) {
      tryOne(file, keysOf(access), resolved.coprocessors.get(name)!);
    }
    for (const { name, access } of config.exports) tryOne(file, keysOf(access), resolved.exports.get(name)!);
    for (const { description, access } of config.synthetics) {
      tryOne(file, keysOf(access), resolved.synthetics.get(description.name)!);
    }
  } finally {
    rmSync(file, { force: true });
  }
}

function tryOne(file: string, key: string, { uid, gid }: SocketAccess): void {
  if (uid === undefined && gid === undefined) return;
  try {
    chownSync(file, uid ?? -1, gid ?? -1);
  } catch (thrown) {
    throw new BridgeError(
      'PERMISSION_DENIED',
      `${key}: this daemon may not give its sockets to that user or group: run it as root, or as a member of the group`,
      { cause: thrown },
    );
  }
}

function keysOf({ key, owner, group }: AccessConfig): string {
  const keys = [owner === undefined ? [] : `${key}.owner`, group === undefined ? [] : `${key}.group`].flat();
  return keys.join(' and ');
}

function controlAccess({ controlGroup }: DaemonConfig): AccessConfig {
  return { owner: undefined, group: controlGroup, mode: DEFAULT_SOCKET_MODE, key: 'control' };
}
