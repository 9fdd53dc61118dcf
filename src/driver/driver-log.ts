/** Where a driver says what people should know; the daemon limits the rate and writes it. */
export type DriverLog = (level: LogLevel, message: string) => void;

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

/** By the level of syslog: 0 emergency to 7 debug. */
const SYSLOG: readonly LogLevel[] = ['error', 'error', 'error', 'error', 'warn', 'info', 'info', 'debug'];

/** The level here of a syslog level that firmware named; `debug` for what is none. */
export function logLevelOf(syslogLevel: number): LogLevel {
  return SYSLOG[syslogLevel] ?? 'debug';
}

/** What firmware said, without characters that move a terminal or hide text: it is shown to people. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
}
