import { readdirSync, readFileSync } from 'node:fs';

/** What a process has used so far, from /proc. */
export interface ProcessCost {
  /** User and system, of all its threads. */
  readonly cpuSeconds: number;
  readonly rssBytes: number;
}

export function costOf(pid: number): ProcessCost {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const rssKb = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0);
  return { cpuSeconds: cpuNanoseconds(pid) / 1e9, rssBytes: rssKb * 1024 };
}

/** The most resident memory that a process ever had. */
export function peakRssOf(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
}

/** By the scheduler's account, which counts nanoseconds; threads that have ended are not in it. */
function cpuNanoseconds(pid: number): number {
  let sum = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      sum += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ', 1)[0]);
    } catch {
      // The thread ended just now.
    }
  }
  return sum;
}

/** CPU time of the threads that a process has now, to the nanosecond: for short spans, where ticks are coarse. */
export function cpuSecondsOf(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const ns = threads.map((thread) => {
    return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
  });
  return ns.reduce((sum, one) => sum + one, 0) / 1e9;
}

/** Values in order of size, for percentiles. */
export function percentile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
}
