// Makes a clone ready to run: installs packages when they differ from package-lock.json, then builds.
// `npm start` and `npm test` begin with it; it does nothing, quickly, when all is in place.
import { fileURLToPath } from 'node:url';
import { build } from './lib/build.mjs';
import { dependencyDrift, installDependencies } from './lib/dependencies.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`gpiobridge needs Node.js 20.19 or later; this is ${process.version}`);
  process.exit(1);
}

const drift = dependencyDrift(root);
if (drift !== undefined) {
  console.error(`Installing packages (${drift})...`);
  installDependencies(root);
}
if (!build(root)) {
  console.error('The build failed; see the errors above.');
  process.exit(1);
}
