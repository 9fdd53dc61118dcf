import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { SocketAccess } from '../../api/server/socket.js';
import type { Problems } from '../../base/problems.js';
import type { AccessConfig } from './config.js';
import { type AccountChecks, checkAccount } from './read-access.js';

type Database = 'passwd' | 'group';

/** The ids behind the names of users and groups; what does not exist is a problem with its key. */
export function resolveAccess(access: AccessConfig, problems: Problems): SocketAccess {
  const uid = resolve('passwd', access.owner, keyIn(access.key, 'owner'), problems);
  const gid = resolve('group', access.group, keyIn(access.key, 'group'), problems);
  return {
    mode: access.mode,
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  };
}

function keyIn(table: string, key: string): string {
  return table === '' ? key : `${table}.${key}`;
}

function resolve(
  database: Database,
  name: string | undefined,
  key: string,
  problems: Problems,
): number | undefined {
  if (name === undefined) return undefined;
  if (/^[0-9]+$/.test(name)) return Number(name);
  const id = lookUp(database, name);
  if (id === undefined) problems.add(key, missing(database, name));
  return id;
}

/** Checks as the configuration is read, so that accounts that do not exist are told with all that is wrong. */
export const existingAccounts: AccountChecks = {
  owner: (name) => check('passwd', name),
  group: (name) => check('group', name),
};

function check(database: Database, name: string): string | undefined {
  const problem = checkAccount(name);
  if (problem !== undefined || /^[0-9]+$/.test(name)) return problem;
  return lookUp(database, name) === undefined ? missing(database, name) : undefined;
}

function missing(database: Database, name: string): string {
  return `there is no ${database === 'passwd' ? 'user' : 'group'} '${name}'`;
}

/** Node offers no getpwnam: the files first, then whatever else the system is set up to ask. */
function lookUp(database: Database, name: string): number | undefined {
  return find(readDatabase(database), name) ?? find(askSystem(database, name), name);
}

function readDatabase(database: Database): string {
  try {
    return readFileSync(`/etc/${database}`, 'utf8');
  } catch {
    return '';
  }
}

function askSystem(database: Database, name: string): string {
  try {
    return execFileSync('getent', ['--', database, name], {
      encoding: 'utf8',
      timeout: 5_000,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return '';
  }
}

/** Both databases have the name first and the id third. */
function find(entries: string, name: string): number | undefined {
  for (const entry of entries.split('\n')) {
    const [found, , id] = entry.split(':');
    if (found === name && /^[0-9]+$/.test(id ?? '')) return Number(id);
  }
  return undefined;
}
