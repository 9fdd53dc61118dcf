import { toBridgeError } from '../src/base/errors.js';
import type { ByteStream } from '../src/link/byte-stream.js';
import { listenOn } from '../src/link/streams/listen.js';
import { systemTime } from '../src/linux/clock.js';
import { answerControl, MAX_REQUEST_LINE, parseControlLine } from './control-protocol.js';
import type { SimulatedCoprocessor } from './coprocessor.js';

/** A control socket that is served; see firmware-sim/control-protocol.ts. */
export interface ControlServer {
  readonly path: string;
  /** Ends all connections and removes the socket. Idempotent. */
  close(): Promise<void>;
}

/** Answers not yet read above which a client is cut off, bytes. */
const MAX_UNREAD = 16 * 1024 * 1024;

/**
 * Serves the control socket at `path`; a socket there on which nobody listens any more is
 * replaced. Rejects with BUSY, PERMISSION_DENIED or IO_ERROR.
 */
export async function serveControl(path: string, coprocessor: SimulatedCoprocessor): Promise<ControlServer> {
  const listener = await listenOn({ kind: 'unix', path }, systemTime);
  listener.streams$.subscribe((stream) => serveConnection(stream, coprocessor));
  return { path, close: () => listener.close() };
}

function serveConnection(stream: ByteStream, coprocessor: SimulatedCoprocessor): void {
  const decoder = new TextDecoder();
  let text = '';
  const subscription = stream.data$.subscribe(({ bytes }) => {
    const lines = (text + decoder.decode(bytes, { stream: true })).split('\n');
    text = lines.pop()!;
    if (text.length > MAX_REQUEST_LINE) lines.push('too long');
    for (const line of lines) {
      if (line.trim() === '') continue;
      const goesOn = answerLine(stream, line, coprocessor);
      if (goesOn && stream.pendingBytes <= MAX_UNREAD) continue;
      subscription.unsubscribe();
      if (goesOn) void stream.close();
      return;
    }
  });
}

/** False when the connection was ended, after saying why. */
function answerLine(stream: ByteStream, line: string, coprocessor: SimulatedCoprocessor): boolean {
  const write = (answer: unknown) => stream.write(Buffer.from(`${JSON.stringify(answer)}\n`));
  try {
    const answer = answerControl(coprocessor, parseControlLine(line));
    // What a request caused, an edge say, leaves before its answer. Who is gone does not want that.
    setImmediate(() => void write(answer).catch(() => undefined));
    return true;
  } catch (thrown) {
    const { name, message } = toBridgeError(thrown);
    const end = () => void stream.close();
    void write({ id: null, error: { name, message } }).then(end, end);
    return false;
  }
}
