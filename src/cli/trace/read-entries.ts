import { readTraceFiles, type TraceFaults, type TraceFileInfo } from '../../trace/read-trace.js';
import { TraceSpeech } from '../../trace/trace-speech.js';
import { SourceNames, type TraceEntry } from './entry.js';

/** The records of a trace as entries, in arrays; a part of a file is held at a time. */
export async function* readEntries(
  files: readonly TraceFileInfo[],
  faults: TraceFaults,
): AsyncGenerator<readonly TraceEntry[]> {
  const names = new SourceNames();
  const speech = new TraceSpeech();
  const startNs = files[0]!.head.monotonicNs;
  for await (const { file, records } of readTraceFiles(files, faults)) {
    const { head } = file;
    for (const source of head.sources) names.add(source);
    yield records.map((record) => {
      if (record.kind === 'source') names.add(record.added);
      return {
        record,
        ...names.of(record),
        spoken: speech.of(record),
        sinceStartNs: record.atNs - startNs,
        realtimeNs: record.atNs + head.realtimeNs - head.monotonicNs,
      };
    });
  }
}
