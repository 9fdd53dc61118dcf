import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/**
 * The house of docs/architecture.md: a room imports only the rooms named here, and some packages
 * belong to one room. A type-only import counts like any other, except where a room says so.
 */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  linux: ['base'],
  wire: ['base'],
  link: ['linux', 'wire', 'base'],
  trace: ['wire', 'base'],
  'vhost-user': ['wire', 'linux', 'base'],
  device: ['link', 'wire', 'base'],
  driver: ['link', 'wire', 'base'],
  events: ['driver', 'base'],
  gpio: ['events', 'driver', 'base'],
  api: ['gpio', 'events', 'driver', 'linux', 'base'],
  export: ['gpio', 'events', 'driver', 'device', 'vhost-user', 'wire', 'linux', 'base'],
  daemon: ['export', 'api', 'gpio', 'events', 'driver', 'vhost-user', 'link', 'linux', 'wire', 'base'],
  'firmware-sim': ['device', 'trace', 'link', 'vhost-user', 'wire', 'linux', 'base'],
  cli: [
    'export',
    'vhost-user',
    'daemon',
    'firmware-sim',
    'trace',
    'wire',
    'api',
    'gpio',
    'events',
    'link',
    'linux',
    'base',
  ],
  index: ['api', 'gpio', 'events', 'driver', 'base'],
};

/** Packages that only one room may touch. */
const OWNERS: Readonly<Record<string, readonly string[]>> = {
  koffi: ['linux'],
  serialport: ['link'],
  '@serialport/bindings-cpp': ['link'],
  commander: ['cli'],
  'prom-client': ['daemon'],
  '@msgpack/msgpack': ['api'],
  'smol-toml': ['base'],
};

const MOST_LINES = 450;

const root = fileURLToPath(new URL('../../', import.meta.url));

interface Import {
  readonly file: string;
  readonly target: string;
  readonly typeOnly: boolean;
  readonly dynamic: boolean;
}

function sourceFiles(): string[] {
  return ['src', 'firmware-sim'].flatMap((top) =>
    readdirSync(join(root, top), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
      .map((name) => join(top, name)),
  );
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const statements = [...text.matchAll(/^(?:import|export)\s([^;]*?)from\s+'([^']+)'/gm)].map((match) => ({
    file,
    target: match[2]!,
    typeOnly: match[1]!.startsWith('type '),
    dynamic: false,
  }));
  const bare = [...text.matchAll(/^import\s+'([^']+)'/gm)].map((match) => ({
    file,
    target: match[1]!,
    typeOnly: false,
    dynamic: false,
  }));
  const dynamic = [...text.matchAll(/\bimport\(\s*'([^']+)'/g)].map((match) => ({
    file,
    target: match[1]!,
    typeOnly: false,
    dynamic: true,
  }));
  return [...statements, ...bare, ...dynamic];
}

function roomOf(file: string): string {
  const [top, room] = file.split('/');
  if (top === 'firmware-sim') return 'firmware-sim';
  return room === 'index.ts' ? 'index' : room!;
}

/** The file that a relative import names. */
function resolve(entry: Import): string {
  return normalize(join(dirname(entry.file), entry.target)).replace(/\.js$/, '.ts');
}

const files = sourceFiles();
const imports = files.flatMap(importsOf);
const local = imports.filter((entry) => entry.target.startsWith('.'));

describe('the house', () => {
  it('has no room that is not in the plan', () => {
    expect(files.map(roomOf).filter((room) => ROOMS[room] === undefined)).toEqual([]);
  });

  it('imports one way only', () => {
    const wrong = local
      .filter((entry) => {
        const from = roomOf(entry.file);
        const to = roomOf(resolve(entry));
        return from !== to && !ROOMS[from]!.includes(to);
      })
      .map((entry) => `${entry.file} imports ${relative(root, join(root, resolve(entry)))}`);
    expect(wrong).toEqual([]);
  });

  it('keeps each package in its room', () => {
    const wrong = imports
      .filter(
        (entry) => OWNERS[entry.target] !== undefined && !OWNERS[entry.target]!.includes(roomOf(entry.file)),
      )
      .map((entry) => `${entry.file} imports ${entry.target}`);
    expect(wrong).toEqual([]);
  });

  it('has no cycle between files', () => {
    const edges = new Map<string, string[]>();
    for (const entry of local.filter((one) => !one.typeOnly && !one.dynamic)) {
      edges.set(entry.file, [...(edges.get(entry.file) ?? []), resolve(entry)]);
    }
    const done = new Set<string>();
    const visit = (file: string, path: readonly string[]): string[] => {
      if (path.includes(file)) return [[...path.slice(path.indexOf(file)), file].join(' -> ')];
      if (done.has(file)) return [];
      const found = (edges.get(file) ?? []).flatMap((next) => visit(next, [...path, file]));
      done.add(file);
      return found;
    };
    expect(files.flatMap((file) => visit(file, []))).toEqual([]);
  });

  it('lets the client start without the daemon, system calls or any package but MessagePack', () => {
    const reached = new Set<string>();
    const packages = new Set<string>();
    const visit = (file: string): void => {
      if (reached.has(file)) return;
      reached.add(file);
      for (const entry of imports.filter((one) => one.file === file && !one.typeOnly && !one.dynamic)) {
        if (entry.target.startsWith('.')) visit(resolve(entry));
        else packages.add(entry.target);
      }
    };
    visit('src/index.ts');
    expect(reached.size).toBeGreaterThan(1);
    expect([...packages].filter((name) => !name.startsWith('node:'))).toEqual(['@msgpack/msgpack']);
  });

  it('leaves the umask alone: files that are made on other threads would get it too', () => {
    const changing = files.filter((file) => /\bumask\(/.test(readFileSync(join(root, file), 'utf8')));
    expect(changing).toEqual([]);
  });

  it(`has no file over ${MOST_LINES} lines`, () => {
    const long = files
      .map((file) => ({ file, lines: readFileSync(join(root, file), 'utf8').split('\n').length }))
      .filter(({ lines }) => lines > MOST_LINES);
    expect(long).toEqual([]);
  });
});
