import { connect } from 'node:net';
import { BridgeError, ERROR_CODES, type ErrorName } from '../src/base/errors.js';
import { TIMEOUTS } from '../src/base/timeouts.js';
import type { ControlRequest, ControlResults } from './control-protocol.js';

/**
 * One request to the control socket of a simulated coprocessor. Rejects with the simulator's
 * error, with IO_ERROR when nobody listens at `path`, with TIMEOUT when no answer comes.
 */
export function askControl<R extends ControlRequest>(
  path: string,
  request: R,
): Promise<ControlResults[R['command']]> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const limitMs = TIMEOUTS.client_call.defaultMs;
    const fail = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    const late = () => fail(new BridgeError('TIMEOUT', `${path}: no answer within ${limitMs} ms`));
    const timer = setTimeout(late, limitMs);
    socket.on('close', () => clearTimeout(timer));
    socket.on('error', (error: NodeJS.ErrnoException) => fail(explain(error, path)));
    socket.on('end', () => fail(new BridgeError('IO_ERROR', `${path}: the simulator ended the connection`)));
    socket.setEncoding('utf8');
    const pieces: string[] = [];
    socket.on('data', (piece: string) => {
      pieces.push(piece);
      if (!piece.includes('\n')) return;
      try {
        resolve(resultOf(pieces.join('')) as ControlResults[R['command']]);
      } catch (thrown) {
        reject(thrown);
      }
      socket.destroy();
    });
    socket.write(`${JSON.stringify({ id: 1, ...request })}\n`);
  });
}

function resultOf(text: string): unknown {
  const answer = JSON.parse(text) as { result?: unknown; error?: { name: string; message: string } };
  if (answer.error === undefined) return answer.result;
  const { name, message } = answer.error;
  throw new BridgeError(name in ERROR_CODES ? (name as ErrorName) : 'INTERNAL', message);
}

function explain(error: NodeJS.ErrnoException, path: string): BridgeError {
  switch (error.code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return new BridgeError('IO_ERROR', `no simulator listens on ${path}: start one with --control ${path}`);
    case 'EACCES':
      return new BridgeError('PERMISSION_DENIED', `${path} needs write permission`);
    default:
      return new BridgeError('IO_ERROR', `${path}: ${error.message}`);
  }
}
