import { systemTime } from '../../linux/clock.js';
import type { Logger } from '../log/logger.js';
import { TraceRecorder, type TraceSettings } from './recorder.js';

/** Opens the trace of a daemon; the log tells where it is, and once when it ends before the daemon does. */
export async function openTrace(
  settings: TraceSettings,
  version: string,
  logger: Logger,
): Promise<TraceRecorder> {
  const file = settings.path;
  const recorder = await TraceRecorder.open({
    ...settings,
    version,
    time: systemTime,
    failed: (error) => {
      logger.log('warn', 'trace_stopped', {
        file,
        error: error.message,
        message: 'nothing more is recorded until the next start',
      });
    },
  });
  logger.log('info', 'trace_begun', { file, max_bytes: settings.maxBytes, max_files: settings.maxFiles });
  return recorder;
}

/** Writes what is left of a trace, and tells the log what it came to. */
export async function closeTrace(recorder: TraceRecorder, logger: Logger): Promise<void> {
  await recorder.close();
  const { records, bytes, lost } = recorder.counters;
  logger.log(lost > 0 ? 'warn' : 'info', 'trace_ended', { records, bytes, lost });
}
