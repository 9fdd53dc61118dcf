/** Where a driver says what people should know; the daemon limits the rate and writes it. */
export type DriverLog = (level: LogLevel, message: string) => void;

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

/** By the level of syslog: 0 emergency to 7 debug. */
const SYSLOG: readonly LogLevel[] = ['error', 'error', 'error', 'error', 'warn', 'info', 'info', 'debug'];

/** The level here of a syslog level that firmware named; `debug` for what is none. */
export function logLevelOf(syslogLevel: number): LogLevel {
  return SYSLOG[syslogLevel] ?? 'debug';
}

/** What firmware said, without control characters: it is shown to people. */
export function printable(text: string): string {
  return [...text].map((char) => (char < ' ' || char === '\x7f' ? ' ' : char)).join('');
}
