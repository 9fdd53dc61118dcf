import { BridgeError, type ErrorName, toBridgeError } from '../base/errors.js';
import type { LineRequests } from '../driver/line-face.js';

/**
 * What the users of a synthetic chip are told of the coprocessors behind it: that something is not
 * possible, and of what kind that is. Links, ports, who else uses them, and how the coprocessor's own
 * chip knows a line, are for its users and the control socket.
 */

const WHO_KNOWS = "'gpiobridge status' tells whoever may use the control socket why";

/** Of one line, or of a chip whose lines are all of one coprocessor. */
export const COPROCESSOR_DOWN = `its coprocessor is down; ${WHO_KNOWS}`;
/** Of a chip of several. */
export const ONE_COPROCESSOR_DOWN = `one of its coprocessors is down; ${WHO_KNOWS}`;
/** Of a line: other firmware came, or never had it. */
export const NO_SUCH_LINE = 'its coprocessor has no such line now';
/** Of a line: which chip, and who uses that, is not told. */
export const OTHERS_LINE = 'another chip has it';

const UNKNOWN_EFFECT = 'whether it took effect is unknown';

const TOLD: Readonly<Partial<Record<ErrorName, string>>> = {
  TIMEOUT: `its coprocessor did not answer within the time limit 'request': ${UNKNOWN_EFFECT}`,
  DEVICE_ERROR: 'its coprocessor answered with an error',
  LINK_DOWN: `${COPROCESSOR_DOWN}; ${UNKNOWN_EFFECT}`,
  FIRMWARE_RESTARTED: `the firmware of its coprocessor restarted meanwhile: ${UNKNOWN_EFFECT}`,
  QUEUE_FULL: 'too many requests wait for its coprocessor already: ask slower',
  NOT_SUPPORTED: 'its coprocessor cannot do that, or not for more lines than it does already',
  LINE_GONE: NO_SUCH_LINE,
  INVALID_ARGUMENT: 'its coprocessor does not take that as the line is now',
  CLOSED: 'its coprocessor was taken out of the configuration',
};

/** An error of a coprocessor in terms of the line as its user knows it, `line 0 of chip 'door'`. */
export function toldThrough(thrown: unknown, line: string): BridgeError {
  const error = toBridgeError(thrown);
  const what = TOLD[error.name] ?? 'it cannot be used now';
  return new BridgeError(error.name, `${line}: ${what}`, { cause: thrown });
}

/** The same requests, which reject with {@link toldThrough}. */
export function requestsThrough(requests: LineRequests, nameOf: (line: number) => string): LineRequests {
  const told = async <Result>(line: number, result: Promise<Result>): Promise<Result> => {
    try {
      return await result;
    } catch (thrown) {
      throw toldThrough(thrown, nameOf(line));
    }
  };
  return {
    getDirection: (line) => told(line, requests.getDirection(line)),
    setDirection: (line, direction) => told(line, requests.setDirection(line, direction)),
    getValue: (line) => told(line, requests.getValue(line)),
    setValue: (line, level) => told(line, requests.setValue(line, level)),
    enableInterrupt: (line, type) => told(line, requests.enableInterrupt(line, type)),
    disableInterrupt: (line) => told(line, requests.disableInterrupt(line)),
    releaseLine: (line) => told(line, requests.releaseLine(line)),
  };
}
