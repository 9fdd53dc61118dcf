import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MAIN_FILE, packageFolder } from '../package-folder.js';

/** What a service has to start: Node.js and this program, by absolute paths. */
export interface ProgramPaths {
  readonly node: string;
  readonly main: string;
  /** The folder of the installed package. */
  readonly packageDir: string;
}

/** Names under which a distribution keeps Node.js: they stay when a file with a version in its path is replaced. */
const USUAL_NODES = ['/usr/bin/node', '/usr/local/bin/node', '/usr/bin/nodejs'];

/** Folders that the unit's ProtectHome= and PrivateTmp= hide from the service. */
const HIDDEN = ['/home/', '/root/', '/run/user/', '/tmp/', '/var/tmp/'];

/** The running program's paths. */
export function programPaths(): ProgramPaths {
  const packageDir = packageFolder();
  return {
    node: stableNode(process.execPath),
    main: join(realpathSync(packageDir), MAIN_FILE),
    packageDir,
  };
}

function stableNode(running: string): string {
  return USUAL_NODES.find((path) => realPath(path) === realPath(running)) ?? running;
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/** Why a service of the system cannot start the program from where it is; undefined: it can. */
export function whyNotAService({ node, main }: Pick<ProgramPaths, 'node' | 'main'>): string | undefined {
  const hidden = [node, main].find((path) => HIDDEN.some((folder) => path.startsWith(folder)));
  if (hidden === undefined) return undefined;
  const what = hidden === node ? 'Node.js' : 'gpiobridge';
  const remedy =
    hidden === node
      ? 'install Node.js for the whole system, and start gpiobridge with it'
      : "install it for the whole system, with 'npm install -g gpiobridge' by the system's Node.js";
  return `${what} is at ${hidden}, and a service sees nothing of ${dirname(hidden)}: ${remedy}`;
}

/** The paths as they are inside an image that is mounted at `root`, for what lies in it. */
export function withinRoot(paths: ProgramPaths, root: string): ProgramPaths {
  const inside = (path: string) => (path.startsWith(`${root}/`) ? path.slice(root.length) : path);
  return { node: inside(paths.node), main: inside(paths.main), packageDir: inside(paths.packageDir) };
}

/** A word of ExecStart=, quoted as systemd reads it. */
export function unitWord(word: string): string {
  const escaped = word.replaceAll(/["\\]/g, '\\$&').replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /[\s"'\\;]/.test(word) ? `"${escaped}"` : escaped;
}
