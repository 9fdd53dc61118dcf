import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ProgramPaths, unitWord } from './program-paths.js';

/** A file that makes up the service. */
export interface ServiceFile {
  /** Absolute, as it is on the machine that the service runs on. */
  readonly path: string;
  readonly content: { readonly text: string } | { readonly linkTo: string };
  /** The administrator's: written once, and never changed or removed. */
  readonly theirs?: true;
}

export const UNIT = 'gpiobridge.service';
export const CONFIG_FILE = '/etc/gpiobridge/gpiobridge.toml';
export const SYSUSERS_FILE = '/etc/sysusers.d/gpiobridge.conf';
export const UNIT_FILE = `/etc/systemd/system/${UNIT}`;

/** Everything that is installed, from the templates in the package's folder `share`. */
export function serviceFiles(paths: ProgramPaths, shareDir: string): ServiceFile[] {
  const template = (name: string) => readFileSync(join(shareDir, name), 'utf8');
  const unit = template('systemd/gpiobridge.service')
    .replace('@EXEC@', () => `${unitWord(paths.node)} ${unitWord(paths.main)}`)
    .replace('@DOCS@', () => join(paths.packageDir, 'docs'));
  return [
    { path: SYSUSERS_FILE, content: { text: template('sysusers/gpiobridge.conf') } },
    {
      path: '/etc/udev/rules.d/60-gpiobridge.rules',
      content: { text: template('udev/60-gpiobridge.rules') },
    },
    { path: CONFIG_FILE, content: { text: template('config/gpiobridge.toml') }, theirs: true },
    { path: UNIT_FILE, content: { text: unit } },
    // What `systemctl enable` would make; here so that it comes and goes with the rest.
    { path: `/etc/systemd/system/multi-user.target.wants/${UNIT}`, content: { linkTo: UNIT_FILE } },
  ];
}
