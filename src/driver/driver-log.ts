/** Where a driver says what people should know; the daemon limits the rate and writes it. */
export type DriverLog = (level: LogLevel, message: string) => void;

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';
