// `npm run build`: compiles into dist, whether or not anything changed.
import { fileURLToPath } from 'node:url';
import { build } from './lib/build.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
process.exit(build(root, { force: true }) ? 0 : 1);
