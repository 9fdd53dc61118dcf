import { BridgeError } from '../base/errors.js';
import { MAX_SERVICE_NAME, RPMSG_ADDRESS_ANY } from '../linux/rpmsg.js';
import type { ServiceUrl } from './rpmsg/find-service.js';
import type { SerialMode } from './serial/arq-state.js';

/** Where a link goes, as in the configuration. */
export type LinkUrl = StreamUrl | MessageUrl;

/** A link that has packets of its own. */
export type MessageUrl =
  | { readonly kind: 'seqpacket'; readonly path: string }
  /** An rpmsg endpoint by its device. */
  | { readonly kind: 'rpmsg'; readonly path: string }
  /** An rpmsg service, found by name under whatever number. */
  | ({ readonly kind: 'rpmsg-service' } & ServiceUrl);

/** A link that is a serial link over a stream of bytes. */
export type StreamUrl =
  | {
      readonly kind: 'serial';
      readonly path: string;
      /** Undefined where none is given: {@link DEFAULT_BAUD}. */
      readonly baud: number | undefined;
      readonly mode: SerialMode;
    }
  | { readonly kind: 'unix'; readonly path: string; readonly mode: SerialMode }
  | {
      readonly kind: 'tcp';
      readonly host: string;
      readonly port: number;
      readonly mode: SerialMode;
    };

/** Whether a link has packets of its own, and no serial link over bytes. */
export function isMessageUrl(url: LinkUrl): url is MessageUrl {
  return url.kind === 'seqpacket' || url.kind === 'rpmsg' || url.kind === 'rpmsg-service';
}

/** Where the device's side listens. */
export type ListenUrl =
  | { readonly kind: 'pty'; readonly path: string }
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'seqpacket'; readonly path: string };

export const DEFAULT_BAUD = 115_200;
const MIN_BAUD = 50;
const MAX_BAUD = 20_000_000;
const MODES: readonly SerialMode[] = ['auto', 'reliable', 'plain'];
/** sun_path holds 108 bytes with the final zero. */
const MAX_UNIX_PATH = 107;

const FORMS =
  'serial:/dev/ttyACM0?baud=921600, rpmsg:SERVICE, rpmsg:/dev/rpmsg0, unix:PATH, tcp:HOST:PORT or seqpacket:PATH';
const LISTEN_FORMS = 'pty:PATH, unix:PATH, tcp:HOST:PORT, seqpacket:PATH or vhost-user-rpmsg:PATH';

/** Parses a link's URL. Throws INVALID_ARGUMENT that says which parts are wrong, all of them. */
export function parseLinkUrl(url: string): LinkUrl {
  const { scheme, target, options } = split(url, FORMS);
  return allOrNothing(url, (problems) => {
    switch (scheme) {
      case 'serial':
        return readSerial(problems, target, options);
      case 'unix': {
        const mode = readMode(problems, readOptions(problems, options, ['mode']));
        return { kind: 'unix', path: readSocketPath(problems, target), mode };
      }
      case 'tcp': {
        const mode = readMode(problems, readOptions(problems, options, ['mode']));
        return { kind: 'tcp', ...readHostPort(problems, target, 1), mode };
      }
      case 'seqpacket':
        readOptions(problems, options, []);
        return { kind: 'seqpacket', path: readSocketPath(problems, target) };
      case 'rpmsg':
        return readRpmsg(problems, target, options);
      default:
        throw bad(url, `'${scheme}:' is no kind of link; use ${FORMS}`);
    }
  });
}

/** Parses where to listen. TCP port 0 lets the system choose. Throws INVALID_ARGUMENT. */
export function parseListenUrl(url: string): ListenUrl {
  const { scheme, target, options } = split(url, LISTEN_FORMS);
  return allOrNothing(url, (problems) => {
    readOptions(problems, options, []);
    switch (scheme) {
      case 'pty':
        if (target === '') problems.push('the path of the symbolic link is missing: pty:/tmp/hub');
        return { kind: 'pty', path: target };
      case 'unix':
        return { kind: 'unix', path: readSocketPath(problems, target) };
      case 'tcp':
        return { kind: 'tcp', ...readHostPort(problems, target, 0) };
      case 'seqpacket':
        return { kind: 'seqpacket', path: readSocketPath(problems, target) };
      default:
        throw bad(url, `'${scheme}:' is nothing to listen on; use ${LISTEN_FORMS}`);
    }
  });
}

/** What reading a URL found to be wrong; what is read then is of no use. */
type UrlProblems = string[];

function allOrNothing<Url>(url: string, read: (problems: UrlProblems) => Url): Url {
  const problems: UrlProblems = [];
  const result = read(problems);
  if (problems.length > 0) throw bad(url, problems.join('; '));
  return result;
}

function split(url: string, forms: string): { scheme: string; target: string; options: string | undefined } {
  const colon = url.indexOf(':');
  if (colon < 0) throw bad(url, `the kind is missing; use ${forms}`);
  const rest = url.slice(colon + 1);
  const mark = rest.indexOf('?');
  return {
    scheme: url.slice(0, colon),
    target: mark < 0 ? rest : rest.slice(0, mark),
    options: mark < 0 ? undefined : rest.slice(mark + 1),
  };
}

function readOptions(
  problems: UrlProblems,
  text: string | undefined,
  known: readonly string[],
): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  for (const part of text === undefined || text === '' ? [] : text.split('&')) {
    const equals = part.indexOf('=');
    const key = equals < 0 ? part : part.slice(0, equals);
    if (!known.includes(key)) {
      const choice = known.length === 0 ? 'none is known here' : `known: ${known.join(', ')}`;
      problems.push(`unknown option '${key}'; ${choice}`);
    } else if (options.has(key)) problems.push(`option '${key}' is given twice`);
    else if (equals < 0) problems.push(`option '${key}' has no value`);
    else options.set(key, part.slice(equals + 1));
  }
  return options;
}

function readSerial(problems: UrlProblems, target: string, text: string | undefined): LinkUrl {
  const options = readOptions(problems, text, ['baud', 'mode']);
  if (target === '') problems.push('the device is missing: serial:/dev/ttyACM0');
  else if (!target.startsWith('/')) problems.push(`the device must be an absolute path, not '${target}'`);
  const baud = readBaud(problems, options.get('baud'));
  return { kind: 'serial', path: target, baud, mode: readMode(problems, options) };
}

function readBaud(problems: UrlProblems, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const baud = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(baud >= MIN_BAUD && baud <= MAX_BAUD))
    problems.push(`baud must be a number from ${MIN_BAUD} to ${MAX_BAUD}, not '${text}'`);
  return baud;
}

function readMode(problems: UrlProblems, options: ReadonlyMap<string, string>): SerialMode {
  const text = options.get('mode') ?? 'auto';
  const mode = MODES.find((candidate) => candidate === text);
  if (mode === undefined) problems.push(`mode must be ${MODES.join(', ')}, not '${text}'`);
  return mode ?? 'auto';
}

function readRpmsg(problems: UrlProblems, target: string, text: string | undefined): LinkUrl {
  if (target.startsWith('/')) {
    readOptions(problems, text, []);
    return { kind: 'rpmsg', path: target };
  }
  const options = readOptions(problems, text, ['src', 'dst', 'processor']);
  if (target === '') problems.push('the service is missing: rpmsg:SERVICE, or rpmsg:/dev/rpmsg0');
  else if (Buffer.byteLength(target) > MAX_SERVICE_NAME || /[\s/]/.test(target)) {
    problems.push(
      `'${target}' is no name of a service: it has up to ${MAX_SERVICE_NAME} bytes, without spaces and '/'`,
    );
  }
  return {
    kind: 'rpmsg-service',
    service: target,
    src: readAddress(problems, 'src', options),
    dst: readAddress(problems, 'dst', options),
    processor: options.get('processor'),
  };
}

function readAddress(
  problems: UrlProblems,
  key: string,
  options: ReadonlyMap<string, string>,
): number | undefined {
  const text = options.get(key);
  if (text === undefined) return undefined;
  const address = /^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(text) ? Number(text) : Number.NaN;
  if (!(address < RPMSG_ADDRESS_ANY))
    problems.push(`${key} must be an address from 0 to 0xfffffffe, not '${text}'`);
  return address;
}

function readSocketPath(problems: UrlProblems, path: string): string {
  const length = Buffer.byteLength(path);
  if (path === '') problems.push('the path of the socket is missing, as in unix:/run/hub.sock');
  else if (length > MAX_UNIX_PATH) {
    problems.push(`the path has ${length} bytes; a socket's may have ${MAX_UNIX_PATH}`);
  }
  return path;
}

/** The host may be in brackets, as IPv6 addresses are. */
function readHostPort(problems: UrlProblems, target: string, lowest: number): { host: string; port: number } {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):([^:]*)$/.exec(target);
  const host = match?.[1] ?? match?.[2] ?? '';
  const text = match?.[3] ?? '';
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (match === null) problems.push('it must be tcp:HOST:PORT, an IPv6 address as tcp:[::1]:PORT');
  else {
    if (host === '') problems.push('the host is missing: tcp:HOST:PORT');
    if (!(port >= lowest && port <= 65_535))
      problems.push(`the port must be a number from ${lowest} to 65535, not '${text}'`);
  }
  return { host, port };
}

function bad(url: string, what: string): BridgeError {
  return new BridgeError('INVALID_ARGUMENT', `link '${url}': ${what}`);
}
