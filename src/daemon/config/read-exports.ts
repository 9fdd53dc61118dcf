import { basename } from 'node:path';
import { MAX_SOCKET_PATH } from '../../api/runtime-dir.js';
import { CHIP_NAME, noChipName } from '../../api/server/api-server.js';
import type { TableReader } from '../../base/table-reader.js';
import { EXPORT_TYPES, type ExportConfig } from './config.js';
import { type AccountChecks, checkPath, readAccess } from './read-access.js';

/** `[[export]]`. The chip may be one that comes later, so that only its name is looked at. */
export function readExports(tables: readonly TableReader[], accounts?: AccountChecks): ExportConfig[] {
  const names = new Set<string>();
  const sockets = new Set<string>();
  return tables.flatMap((table) => {
    const type = table.oneOf('type', EXPORT_TYPES);
    const chip = table.string('chip', checkName);
    const socket = table.string('socket', checkSocket);
    const given = table.string('name', checkName);
    const access = readAccess(table, accounts);
    for (const key of ['type', 'chip', 'socket']) if (!table.has(key)) table.problem(key, 'is missing');
    table.finish();
    if (socket === undefined) return [];
    if (sockets.has(socket)) table.problem('socket', `'${socket}' is of another export already`);
    sockets.add(socket);
    const name = given ?? nameOf(socket);
    if (table.has('name') && given === undefined) return [];
    if (given === undefined && checkName(name) !== undefined) {
      table.problem('name', `is missing, and '${name}', as the socket is called, cannot be one`);
    } else if (names.has(name)) {
      table.problem('name', `'${name}' is of another export already: give a name of its own`);
    }
    names.add(name);
    return type === undefined || chip === undefined ? [] : [{ type, name, chip, socket, access }];
  });
}

/** The file's name without its ending. */
function nameOf(socket: string): string {
  return basename(socket).replace(/\.[^.]+$/, '');
}

function checkSocket(path: string): string | undefined {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH) return `is longer than ${MAX_SOCKET_PATH} bytes`;
  return checkPath(path);
}

function checkName(name: string): string | undefined {
  return CHIP_NAME.test(name) ? undefined : noChipName(name);
}
