import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** A user or group made for a test has this before its purpose, and the pid of the test behind it. */
const PREFIX = 'gbt-';
const LEFT_BEHIND = /^gbt-[a-z]+-(\d+)$/;

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Real users and groups of this machine, as long as a test needs them. Needs root. */
export class Accounts {
  readonly #users: string[] = [];
  readonly #groups: string[] = [];

  constructor() {
    removeLeftovers();
  }

  group(purpose: string): { readonly name: string; readonly gid: number } {
    const name = nameFor(purpose);
    command('groupadd', '--system', name);
    this.#groups.push(name);
    return { name, gid: Number(entryOf('group', name)[2]) };
  }

  /** A user with a group of its own name, in these groups as well. */
  user(purpose: string, groups: readonly string[] = []): Account {
    const name = nameFor(purpose);
    const also = groups.length === 0 ? [] : ['--groups', groups.join(',')];
    command(
      'useradd',
      ...['--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent'],
      ...['--shell', '/usr/sbin/nologin', ...also, name],
    );
    this.#users.push(name);
    const entry = entryOf('passwd', name);
    return { name, uid: Number(entry[2]), gid: Number(entry[3]) };
  }

  remove(): void {
    for (const name of this.#users.splice(0)) command('userdel', name);
    for (const name of this.#groups.splice(0)) command('groupdel', name);
  }
}

function nameFor(purpose: string): string {
  return `${PREFIX}${purpose}-${process.pid}`;
}

function entryOf(database: 'passwd' | 'group', name: string): string[] {
  return command('getent', database, name).trim().split(':');
}

/** Of runs that were killed. Users first: a user's own group goes with it. */
function removeLeftovers(): void {
  for (const [file, remove] of [
    ['/etc/passwd', 'userdel'],
    ['/etc/group', 'groupdel'],
  ] as const) {
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      const name = line.split(':')[0] ?? '';
      const pid = LEFT_BEHIND.exec(name)?.[1];
      if (pid !== undefined && !existsSync(`/proc/${pid}`)) command(remove, name);
    }
  }
}

function command(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
