/** What a service manager told this process of sd_notify(3) and sd_watchdog_enabled(3). */
export interface NotifyEnvironment {
  /** Where messages go: an absolute path, or `@name`. */
  readonly address: string;
  /** How often to say that the daemon is alive, half of what the manager allows; undefined: never. */
  readonly watchdogMs: number | undefined;
}

/**
 * Undefined where nobody wants to be told, which is everywhere but in a service. Addresses that are
 * no Unix socket's (vsock, for virtual machines) count as nobody.
 */
export function notifyEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): NotifyEnvironment | undefined {
  const address = env.NOTIFY_SOCKET ?? '';
  if (!/^[/@]./.test(address)) return undefined;
  return { address, watchdogMs: watchdogMs(env, pid) };
}

/** The watchdog may be meant for another process, whose environment this one only inherited. */
function watchdogMs(env: Readonly<Record<string, string | undefined>>, pid: number): number | undefined {
  const { WATCHDOG_USEC: interval = '', WATCHDOG_PID: meantFor } = env;
  if (meantFor !== undefined && meantFor !== String(pid)) return undefined;
  if (!/^[0-9]{1,15}$/.test(interval) || Number(interval) === 0) return undefined;
  return Number(interval) / 2_000;
}
