import type { Command } from 'commander';

/** A subcommand; its module is loaded only when it is used, so that `get` starts fast. */
export interface Subcommand {
  readonly name: string;
  readonly group: string;
  readonly summary: string;
  load(): Promise<{ command(): Command }>;
}

const LINES = "Lines and chips (as libgpiod's tools):";
const SERVICE = 'The daemon:';
const TRY = 'Without hardware:';
const HELP = 'Help:';

export const SUBCOMMANDS: readonly Subcommand[] = [
  { name: 'detect', group: LINES, summary: 'list chips', load: () => import('./detect.js') },
  { name: 'info', group: LINES, summary: 'show lines and who uses them', load: () => import('./info.js') },
  { name: 'get', group: LINES, summary: 'read values of lines', load: () => import('./get.js') },
  { name: 'set', group: LINES, summary: 'drive lines, and hold them', load: () => import('./set.js') },
  {
    name: 'request',
    group: LINES,
    summary: 'request lines in the daemon, until release',
    load: () => import('./request.js'),
  },
  {
    name: 'release',
    group: LINES,
    summary: 'release what request keeps',
    load: () => import('./release.js'),
  },
  { name: 'mon', group: LINES, summary: 'print edges as they happen', load: () => import('./mon.js') },
  {
    name: 'notify',
    group: LINES,
    summary: 'print who requests and releases lines',
    load: () => import('./notify.js'),
  },
  {
    name: 'chip',
    group: LINES,
    summary: 'chips made of lines of others',
    load: () => import('./chip.js'),
  },
  { name: 'daemon', group: SERVICE, summary: 'serve coprocessors', load: () => import('./daemon.js') },
  {
    name: 'status',
    group: SERVICE,
    summary: 'links, firmware, clocks and counters',
    load: () => import('./status.js'),
  },
  {
    name: 'export',
    group: SERVICE,
    summary: 'offer a chip to a virtual machine',
    load: () => import('./export.js'),
  },
  {
    name: 'probe',
    group: SERVICE,
    summary: 'find out what answers on a port',
    load: () => import('./probe.js'),
  },
  {
    name: 'remoteproc',
    group: SERVICE,
    summary: 'remote processors and their services',
    load: () => import('./remoteproc.js'),
  },
  { name: 'decode', group: SERVICE, summary: 'print a trace', load: () => import('./decode.js') },
  {
    name: 'install-service',
    group: SERVICE,
    summary: 'make the daemon a service of systemd',
    load: () => import('./install-service.js'),
  },
  { name: 'demo', group: TRY, summary: 'everything at once, simulated', load: () => import('./demo.js') },
  { name: 'sim', group: TRY, summary: 'a simulated coprocessor', load: () => import('./sim.js') },
  { name: 'pin', group: TRY, summary: 'read or drive a simulated pin', load: () => import('./pin.js') },
  {
    name: 'completion',
    group: HELP,
    summary: 'a script for bash, zsh or fish',
    load: () => import('./completion.js'),
  },
  { name: 'man', group: HELP, summary: 'the manual page', load: () => import('./man.js') },
];
