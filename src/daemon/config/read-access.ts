import { DEFAULT_SOCKET_MODE } from '../../api/server/socket.js';
import type { TableReader } from '../../base/table-reader.js';
import type { AccessConfig } from './config.js';

/** What is wrong with the name or number of a user or group, if anything. */
export interface AccountChecks {
  owner(name: string): string | undefined;
  group(name: string): string | undefined;
}

/** Whether they exist is not asked. */
export const anyAccounts: AccountChecks = { owner: checkAccount, group: checkAccount };

/** `owner`, `group` and `mode` of a socket. */
export function readAccess(table: TableReader, accounts = anyAccounts): AccessConfig {
  const owner = table.string('owner', accounts.owner);
  const group = table.string('group', accounts.group);
  const mode = table.string('mode', (text) =>
    /^0?[0-7]{3}$/.test(text) ? undefined : `'${text}' is no mode: three octal digits, such as "660"`,
  );
  return {
    owner,
    group,
    mode: mode === undefined ? DEFAULT_SOCKET_MODE : Number.parseInt(mode, 8),
    key: table.path,
  };
}

export function checkPath(path: string): string | undefined {
  return path.startsWith('/') && !path.endsWith('/') ? undefined : `'${path}' is no absolute path of a file`;
}

/** Ids have 32 bits, of which the last value means 'as it is' to chown(2). */
const MAX_ID = 0xffff_fffe;

export function checkAccount(name: string): string | undefined {
  if (/^[0-9]+$/.test(name) && Number(name) > MAX_ID)
    return `'${name}' is no number of a user or group: they go from 0 to ${MAX_ID}`;
  return /^[^\s:/]{1,64}$/.test(name) ? undefined : `'${name}' is no name or number of a user or group`;
}
