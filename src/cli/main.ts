#!/usr/bin/env node
import { endQuietlyWithReader, flushed } from './output.js';
import { programOf, run } from './run.js';

endQuietlyWithReader(programOf(process.argv));
const status = await run(process.argv);
process.exitCode = status;
// After an error nothing that is still open may keep the program alive.
if (status !== 0) {
  await flushed();
  process.exit(status);
}
