import { expect } from 'vitest';
import type { ApiBench } from '../support/api-bench.js';
import { backgroundProcesses } from '../support/background.js';
import { eventually, type Program } from '../support/program.js';

/** One command that shows what an option does; `OPTION` in its arguments is the option as it is spelt. */
export interface OptionCase {
  readonly args: readonly string[];
  /** 0 unless given. */
  readonly status?: number;
  /** How it is ended, where it does not end by itself. */
  readonly signal?: NodeJS.Signals;
  /** Nothing unless given. */
  readonly stdout?: RegExp;
  readonly stderr?: RegExp;
  readonly before?: (at: CaseContext) => void;
  readonly afterwards?: (at: CaseContext) => void;
  /** What happens while it runs. */
  readonly meanwhile?: (program: Program, at: CaseContext) => Promise<void>;
}

export interface CaseContext {
  readonly bench: ApiBench;
}

type Cases = Record<string, readonly OptionCase[]>;

/** The chips are `hub` (L0 to L7) and `rack` (FAN, L1, and a line named 3). */
const EVENT = '\\d+\\.\\d{9}\\t';
const DATE = '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{9}';

const refused = (what: string): RegExp => new RegExp(`${what} is not possible: `);

/** Every line senses edges, once the banner says that they are watched. */
const edges =
  (...lines: number[]) =>
  async (program: Program, { bench }: CaseContext): Promise<void> => {
    await program.waitFor(/Monitoring .*\.\.\.\n/);
    for (const line of lines) bench.remote.sense([line]);
  };

/** Somebody requests L2, reconfigures and releases it, once the banner says that it is watched. */
async function use(program: Program, { bench }: CaseContext): Promise<void> {
  await program.waitFor(/Watching .*\.\.\.\n/);
  const client = await bench.client();
  const chip = await client.openChip('hub');
  const config = { direction: 'input', edges: 'none', activeLow: false, eventClock: 'monotonic' } as const;
  const request = await chip.requestLines({ consumer: 'somebody', offsets: [2], config });
  await request.reconfigure({ ...config, activeLow: true });
  await request.release();
  chip.close();
}

/** From before its start: what this process sees of it meanwhile may come late. */
function takesAtLeast(ms: number): Pick<OptionCase, 'before' | 'afterwards'> {
  let begin = 0;
  return {
    before: () => {
      begin = performance.now();
    },
    afterwards: () => expect(performance.now() - begin).toBeGreaterThanOrEqual(ms),
  };
}

async function exitsAndEnds(program: Program, { bench }: CaseContext): Promise<void> {
  await program.exit();
  const { dir } = bench.layout;
  const [holder] = await eventually(() => {
    const found = backgroundProcesses(dir, 'gpiobridge set L7=1');
    return found.length === 1 ? found : undefined;
  }, 'one process in the background');
  process.kill(holder!.pid, 'SIGTERM');
  await eventually(() => (bench.remote.directions[7] === 'none' ? true : undefined), 'line 7 to be free');
}

async function says(program: Program, ...lines: string[]): Promise<void> {
  await program.waitFor(/^gpioset> /);
  program.process.stdin?.write(lines.map((line) => `${line}\n`).join(''));
}

const COMMON = (tool: string, needs: readonly string[], json: RegExp): Cases => ({
  [`${tool} --help`]: [{ args: ['OPTION'], stdout: new RegExp(`^Usage: gpiobridge ${tool} `) }],
  [`${tool} --version`]: [{ args: ['OPTION'], stdout: /^gpiobridge \d+\.\d+\.\d+\n$/ }],
  [`${tool} --json`]: [{ args: ['OPTION', ...needs], stdout: json }],
  [`${tool} --runtime-dir`]: [
    {
      args: ['OPTION', '/nowhere', ...needs],
      status: 1,
      stderr: /no gpiobridge daemon answers; tried \/nowhere/,
    },
  ],
});

/** Options that choose lines; `line` is how the tool takes the line X, `ends` what makes it end. */
const LINES = (
  tool: string,
  line: (id: string) => string,
  ends: readonly string[],
  shows: RegExp,
): Cases => ({
  [`${tool} --by-name`]: [
    { args: ['OPTION', '-c', 'rack', ...ends, line('3')], stdout: shows },
    { args: ['OPTION', '-c', 'rack', ...ends, line('0')], status: 1, stderr: /cannot find line '0'/ },
  ],
  [`${tool} --chip`]: [
    { args: ['OPTION', 'rack', ...ends, line('L1')], stdout: shows },
    {
      args: ['OPTION', 'nope', ...ends, line('L1')],
      status: 1,
      stderr: /cannot find GPIO chip character device 'nope'/,
    },
  ],
  [`${tool} --strict`]: [
    { args: ['OPTION', ...ends, line('L1')], status: 1, stderr: /: line 'L1' is not unique\n$/ },
    { args: ['OPTION', ...ends, line('L2')], stdout: shows },
  ],
});

const REQUEST = (
  tool: string,
  line: (id: string) => string,
  ends: readonly string[],
  shows: RegExp,
): Cases => ({
  ...LINES(tool, line, ends, shows),
  [`${tool} --bias`]: [
    ...['pull-up', 'pull-down', 'disabled'].map((bias) => ({
      args: ['OPTION', bias, ...ends, line('L2')],
      status: 1,
      stderr: refused(`bias ${bias}`),
    })),
    { args: ['OPTION', 'odd', line('L2')], status: 1, stderr: /: invalid bias: odd\n$/ },
  ],
});

export const OPTION_CASES: Cases = {
  ...COMMON('detect', ['rack'], /^\{"type":"chip","chip":"rack",.*\}\n$/),

  ...COMMON('info', ['FAN'], /^\{"type":"line","chip":"rack","offset":0,"name":"FAN",.*\}\n$/),
  ...LINES('info', (id) => id, [], /"\s+\tinput\n$/),
  'info --strict': [
    { args: ['OPTION', 'L1'], status: 1, stdout: /^hub 1\t"L1" +\tinput\nrack 1\t"L1" +\tinput\n$/ },
    { args: ['OPTION', 'FAN'], stdout: /^rack 0\t"FAN" +\tinput\n$/ },
  ],
  'info --unquoted': [{ args: ['OPTION', 'FAN'], stdout: /^rack 0\tFAN +\tinput\n$/ }],

  ...COMMON('get', ['FAN'], /^\{"type":"value","chip":"rack","offset":0,"name":"FAN","value":0\}\n$/),
  ...REQUEST('get', (id) => id, [], /^".*"=inactive\n$/),
  'get --as-is': [
    {
      args: ['OPTION', 'L5'],
      stdout: /^"L5"=active\n$/,
      before: ({ bench }) => {
        bench.remote.directions[5] = 'output';
        bench.remote.levels[5] = 1;
      },
      afterwards: ({ bench }) => expect(bench.chip.lineInfo(5).direction).toBe('output'),
    },
  ],
  'get --consumer': [
    {
      // Long enough to be seen holding it.
      args: ['OPTION', 'me', '-p', '3s', 'L5'],
      stdout: /^"L5"=/,
      meanwhile: async (_program, { bench }) => {
        const held = () => bench.chip.lineInfo(5).consumer;
        expect(await eventually(held, 'somebody to hold line 5')).toBe('me');
      },
    },
  ],
  'get --active-low': [{ args: ['OPTION', 'FAN'], stdout: /^"FAN"=active\n$/ }],
  'get --hold-period': [
    { args: ['OPTION', '5ms', 'FAN'], stdout: /^"FAN"=inactive\n$/ },
    { args: ['OPTION', '5ns', 'FAN'], status: 1, stderr: /: invalid period: 5ns\n$/ },
  ],
  'get --numeric': [{ args: ['OPTION', 'FAN'], stdout: /^0\n$/ }],
  'get --unquoted': [{ args: ['OPTION', 'FAN'], stdout: /^FAN=inactive\n$/ }],

  ...COMMON(
    'set',
    ['-t0', 'FAN=0'],
    /^\{"type":"value","chip":"rack","offset":0,"name":"FAN","value":0\}\n$/,
  ),
  ...REQUEST('set', (id) => `${id}=0`, ['-t0', '--banner'], /^Setting line '.*'\.\.\.\n$/),
  'set --banner': [
    { args: ['OPTION', '-t0', 'L2=0'], stdout: /^Setting line 'L2'\.\.\.\n$/ },
    {
      args: ['OPTION', '-t0', 'L2=0', 'L3=0', 'FAN=0'],
      stdout: /^Setting lines 'L2', 'L3', and 'FAN'\.\.\.\n$/,
    },
  ],
  'set --consumer': [
    {
      args: ['OPTION', 'me', '--banner', 'L6=0'],
      signal: 'SIGTERM',
      stdout: /Setting/,
      meanwhile: async (program, { bench }) => {
        await program.waitFor(/Setting/);
        expect(bench.chip.lineInfo(6).consumer).toBe('me');
      },
    },
  ],
  'set --drive': [
    { args: ['OPTION', 'push-pull', '-t0', 'L2=1'] },
    { args: ['OPTION', 'open-drain', '-t0', 'L2=1'], status: 1, stderr: refused('drive open-drain') },
    { args: ['OPTION', 'open-source', '-t0', 'L2=1'], status: 1, stderr: refused('drive open-source') },
    { args: ['OPTION', 'odd', 'L2=1'], status: 1, stderr: /: invalid drive: odd\n$/ },
  ],
  'set --interactive': [
    {
      args: ['OPTION', 'L2=1'],
      stdout: /^gpioset> "L2"=active\ngpioset> gpioset> "L2"=inactive\ngpioset> $/,
      meanwhile: (program) => says(program, 'get', 'toggle', 'get', 'exit'),
    },
    { args: ['OPTION', '-t', '1s', 'L2=1'], status: 1, stderr: /: can't combine interactive with toggle\n$/ },
  ],
  'set --active-low': [
    {
      args: ['OPTION', '--banner', 'L6=1'],
      signal: 'SIGTERM',
      stdout: /Setting/,
      meanwhile: async (program, { bench }) => {
        await program.waitFor(/Setting/);
        expect(bench.remote.levels[6]).toBe(0);
      },
    },
  ],
  'set --hold-period': [
    {
      args: ['OPTION', '1s', '--banner', '-t0', 'L2=1'],
      stdout: /Setting/,
      ...takesAtLeast(1_000),
    },
  ],
  'set --toggle': [
    {
      args: ['OPTION', '1,2,0', '--json', 'L2=1'],
      stdout: /^.*"value":1\}\n.*"value":0\}\n.*"value":1\}\n$/,
    },
    { args: ['OPTION', '1x', 'L2=1'], status: 1, stderr: /: invalid period: 1x\n$/ },
  ],
  'set --unquoted': [
    {
      args: ['OPTION', '-i', 'L2=1'],
      stdout: /^gpioset> L2=active\ngpioset> $/,
      meanwhile: (program) => says(program, 'get', 'exit'),
    },
  ],
  'set --daemonize': [
    { args: ['OPTION', '--banner', 'L7=1'], stdout: /^Setting line 'L7'\.\.\.\n$/, meanwhile: exitsAndEnds },
  ],

  ...COMMON(
    'mon',
    ['--idle-timeout', '1', '-I', 'L2'],
    /^\{"type":"value","chip":"hub","offset":2,"name":"L2","value":[01]\}\n$/,
  ),
  ...REQUEST('mon', (id) => id, ['--idle-timeout', '1', '--banner'], /^Monitoring line '.*'\.\.\.\n$/),
  'mon --banner': [
    {
      args: ['OPTION', '--idle-timeout', '1', 'L2', 'L3'],
      stdout: /^Monitoring lines 'L2', and 'L3'\.\.\.\n$/,
    },
  ],
  'mon --consumer': [
    {
      args: ['OPTION', 'me', '--banner', 'L6'],
      signal: 'SIGTERM',
      stdout: /Monitoring/,
      meanwhile: async (program, { bench }) => {
        await program.waitFor(/Monitoring/);
        expect(bench.chip.lineInfo(6).consumer).toBe('me');
      },
    },
  ],
  'mon --edges': [
    ...['rising', 'falling'].map((edge) => ({
      args: ['OPTION', edge, '--banner', '-n1', 'L2'],
      stdout: new RegExp(`\\n${EVENT}${edge}\\t"L2"\\n$`),
      meanwhile: edges(2, 2),
    })),
    {
      args: ['OPTION', 'both', '--banner', '-n2', 'L2'],
      stdout: /(rising\t"L2"\n.*falling|falling\t"L2"\n.*rising)\t"L2"\n$/,
      meanwhile: edges(2, 2),
    },
    { args: ['OPTION', 'odd', 'L2'], status: 1, stderr: /: invalid edges: odd\n$/ },
  ],
  'mon --event-clock': [
    {
      args: ['OPTION', 'monotonic', '--banner', '-n1', 'L2'],
      stdout: new RegExp(`\\n${EVENT}`),
      meanwhile: edges(2),
    },
    {
      args: ['OPTION', 'realtime', '--banner', '-n1', 'L2'],
      stdout: new RegExp(`\\n${DATE}Z\\t`),
      meanwhile: edges(2),
    },
    { args: ['OPTION', 'hte', 'L2'], status: 1, stderr: refused('event clock hte') },
    { args: ['OPTION', 'odd', 'L2'], status: 1, stderr: /: invalid event clock: odd\n$/ },
  ],
  'mon --format': [
    {
      args: ['OPTION', '<%c %o %l %x>', '--banner', '-n1', 'L2'],
      stdout: /\n<hub 2 L2 0>\n$/,
      meanwhile: edges(2),
    },
  ],
  'mon --idle-timeout': [
    { args: ['OPTION', '1', 'L2'] },
    { args: ['OPTION', '1x', 'L2'], status: 1, stderr: /: invalid period: 1x\n$/ },
  ],
  'mon --initial-state': [
    { args: ['OPTION', '--idle-timeout', '1', 'FAN', 'L1'], stdout: /^"FAN"=inactive "L1"=inactive\n$/ },
  ],
  'mon --active-low': [{ args: ['OPTION', '-I', '--idle-timeout', '1', 'FAN'], stdout: /^"FAN"=active\n$/ }],
  'mon --localtime': [
    { args: ['OPTION', '--banner', '-n1', 'L2'], stdout: new RegExp(`\\n${DATE}\\t`), meanwhile: edges(2) },
  ],
  'mon --utc': [
    { args: ['OPTION', '--banner', '-n1', 'L2'], stdout: new RegExp(`\\n${DATE}Z\\t`), meanwhile: edges(2) },
  ],
  'mon --num-events': [
    {
      args: ['OPTION', '2', '--banner', '-F', '%o', 'L2', 'L3'],
      stdout: /\n2\n3\n$/,
      meanwhile: edges(2, 3, 2, 3),
    },
    { args: ['OPTION', 'x', 'L2'], status: 1, stderr: /: invalid number: 'x'\n$/ },
  ],
  'mon --numeric': [{ args: ['OPTION', '-I', '--idle-timeout', '1', 'FAN'], stdout: /^0\n$/ }],
  'mon --debounce-period': [
    {
      args: ['OPTION', '20ms', '--banner', '-n1', '-F', '%o', 'L2'],
      stdout: /\n2\n$/,
      meanwhile: edges(2, 2, 2),
    },
    { args: ['OPTION', '1x', 'L2'], status: 1, stderr: /: invalid period: 1x\n$/ },
  ],
  'mon --quiet': [{ args: ['OPTION', '--banner', '-n1', 'L2'], stdout: /\.\.\.\n$/, meanwhile: edges(2) }],
  'mon --silent': [{ args: ['OPTION', '--banner', '-n1', 'L2'], stdout: /\.\.\.\n$/, meanwhile: edges(2) }],
  'mon --unquoted': [
    {
      args: ['OPTION', '--banner', '-n1', 'L2'],
      stdout: new RegExp(`\\n${EVENT}\\w+\\tL2\\n$`),
      meanwhile: edges(2),
    },
  ],
  'mon --vcd': [
    { args: ['OPTION', '-', '--idle-timeout', '1', 'L2'], stdout: /^\$[\s\S]*\$var wire 1 \S+ L2 \$end\n/ },
  ],
  'mon --wave': [{ args: ['OPTION', '--idle-timeout', '1', 'L2'], stdout: /L2/ }],
  'mon --wave-span': [{ args: ['--wave', 'OPTION', '1s', '--idle-timeout', '1', 'L2'], stdout: /L2/ }],
  'mon --ascii': [{ args: ['--wave', 'OPTION', '--idle-timeout', '1', 'L2'], stdout: /^[\x20-\x7e\n]*$/ }],

  ...COMMON('notify', ['--idle-timeout', '1', 'L2'], /^$/),
  ...LINES('notify', (id) => id, ['--idle-timeout', '1', '--banner'], /^Watching line '.*'\.\.\.\n$/),
  'notify --json': [
    {
      args: ['OPTION', '--banner', '-n1', 'L2'],
      stdout:
        /\n\{"type":"line_change","chip":"hub","offset":2,.*"event":"requested","timestamp_ns":"\d+","lost":0\}\n$/,
      meanwhile: use,
    },
  ],
  'notify --banner': [
    {
      args: ['OPTION', '--idle-timeout', '1', 'L2', 'L3'],
      stdout: /^Watching lines 'L2', and 'L3'\.\.\.\n$/,
    },
  ],
  'notify --event': [
    ...['requested', 'released', 'reconfigured'].map((event) => ({
      args: ['OPTION', event, '--banner', '-n1', 'L2'],
      stdout: new RegExp(`\\.\\.\\.\\n${EVENT}${event}\\t"L2"\\n$`),
      meanwhile: use,
    })),
    { args: ['OPTION', 'odd', 'L2'], status: 1, stderr: /: invalid event: odd\n$/ },
  ],
  'notify --format': [
    {
      args: ['OPTION', '%e %E [%a] %C', '--banner', '-n3', 'L2'],
      stdout:
        /\n1 requested \[input consumer="somebody"\] somebody\n3 reconfigured \[input active-low consumer="somebody"\] somebody\n2 released \[input\] unused\n$/,
      meanwhile: use,
    },
  ],
  'notify --idle-timeout': [{ args: ['OPTION', '1', 'L2'] }],
  'notify --localtime': [
    { args: ['OPTION', '--banner', '-n1', 'L2'], stdout: new RegExp(`\\n${DATE}\\t`), meanwhile: use },
  ],
  'notify --utc': [
    { args: ['OPTION', '--banner', '-n1', 'L2'], stdout: new RegExp(`\\n${DATE}Z\\t`), meanwhile: use },
  ],
  'notify --num-events': [
    {
      args: ['OPTION', '2', '--banner', '-F', '%E', 'L2'],
      stdout: /\nrequested\nreconfigured\n$/,
      meanwhile: use,
    },
  ],
  'notify --quiet': [{ args: ['OPTION', '--banner', '-n3', 'L2'], stdout: /\.\.\.\n$/, meanwhile: use }],
  'notify --silent': [{ args: ['OPTION', '--banner', '-n3', 'L2'], stdout: /\.\.\.\n$/, meanwhile: use }],
  'notify --unquoted': [
    {
      args: ['OPTION', '--banner', '-n1', 'L2'],
      stdout: new RegExp(`\\n${EVENT}requested\\tL2\\n$`),
      meanwhile: use,
    },
  ],
};
