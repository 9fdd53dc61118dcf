import { parseHours, soak } from './soak.js';

/** `npm run soak -- --hours N`; see docs/campaign.md. */
const USAGE = 'npm run soak -- --hours N   (a number above 0, as 0.1 or 24)';

const hours = process.argv[2] === '--hours' ? parseHours(process.argv[3]) : undefined;
if (hours === undefined || process.argv.length > 4) {
  console.error(`soak: give the hours: ${USAGE}`);
  process.exit(1);
}
process.exit((await soak(hours, console.log)) ? 0 : 1);
