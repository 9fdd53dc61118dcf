import { existsSync, lstatSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { askControl } from '../../../firmware-sim/control-client.js';
import { until } from '../../../test/contract/packet-link.js';
import { run } from '../run.js';

let directory: string;
let stdout: string;
let stderr: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gpiobridge-sim-'));
  stdout = '';
  stderr = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    stdout += String(text);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    stderr += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(directory, { recursive: true, force: true });
});

const gpiobridge = (...args: string[]) => run(['node', 'gpiobridge', ...args]);
const inside = (name: string) => join(directory, name);

/** Starts a simulator in this process; ends when told to. */
async function simulator(...args: string[]): Promise<() => Promise<number>> {
  const ended = gpiobridge('sim', ...args);
  await until(() => stdout.includes('listening on '));
  return () => {
    process.emit('SIGTERM', 'SIGTERM');
    return ended;
  };
}

describe('gpiobridge sim', () => {
  it.each([
    [[], "required option '--listen <where>' not specified"],
    [['--listen', 'nowhere'], "'nowhere'"],
    [['--listen', 'rpmsg:x'], 'rpmsg'],
    [['--listen', 'tcp:localhost'], 'tcp:'],
    [['--listen', 'unix:'], 'unix:'],
    [['--listen', 'vhost-user-rpmsg:'], 'the path of the socket is missing'],
    [['--listen', 'vhost-user-rpmsg:/no/such/place'], 'its directory does not exist'],
    [['--listen', `vhost-user-rpmsg:/tmp/${'x'.repeat(120)}`], 'the path is too long'],
    [['--service', 'hub'], '--service is for --listen vhost-user-rpmsg:PATH'],
    [['--lines', '0'], "--lines: '0'"],
    [['--lines', 'many'], "--lines: 'many'"],
    [['--lines', '70000'], 'lines is 70000'],
    [['--controllers', '-1'], "--controllers: '-1'"],
    [['--controllers', '2000'], 'controllers is 2000'],
    [['--features', 'irq,wings'], "no feature 'wings'"],
    [['--features', 'queue'], "feature 'queue' needs 'stamp'"],
    [['--names', 'A,B,A'], "both named 'A'"],
    [['--names', 'Tür'], 'not printable ASCII'],
    [['--lines', '1', '--names', 'A,B'], '2 names for 1 lines'],
    [['--stimulus', 'blink:1:1ms'], "'blink' is no kind of stimulus"],
    [['--stimulus', 'toggle:99:1ms'], "no line '99'"],
    [['--stimulus', 'toggle:NOBODY:1ms'], "no line 'NOBODY'"],
    [['--fault', 'corrupt:2'], "'2' is no probability"],
    [['--seed', '1.5'], "--seed: '1.5'"],
    [['--wings'], "unknown option '--wings'"],
    [['--stimulus', 'bounce:1:1s:2'], 'an odd number from 1 to 999'],
    [['--stimulus', 'replay:/no/such.vcd'], '/no/such.vcd: cannot be read'],
    [['--fault', 'stall:1s:2s'], 'the time must be less than the period'],
    [['--scenario', '/no/such.toml'], '--scenario: /no/such.toml: cannot be read'],
  ])('refuses %j with one line, and status 1', async (args, why) => {
    const listen = args.length === 0 || args[0] === '--listen' ? [] : ['--listen', `unix:${inside('hub')}`];
    expect(await gpiobridge('sim', ...listen, ...args)).toBe(1);
    const [first] = stderr.split('\n');
    expect(first).toMatch(/^gpiobridge sim: /);
    expect(first).toContain(why);
    expect(stdout).toBe('');
    expect(existsSync(inside('hub'))).toBe(false);
  });

  it('leaves a file alone that is in its way, and nothing behind', async () => {
    writeFileSync(inside('hub'), 'precious');
    const control = ['--control', inside('control')];
    for (const kind of ['pty', 'unix', 'vhost-user-rpmsg']) {
      expect(await gpiobridge('sim', '--listen', `${kind}:${inside('hub')}`, ...control)).toBe(1);
    }
    expect(stderr.match(/gpiobridge sim: .*exists and is not/g)).toHaveLength(3);
    expect(lstatSync(inside('hub')).isFile()).toBe(true);
    expect(existsSync(inside('control'))).toBe(false);
  });

  it.each(['pty', 'unix', 'vhost-user-rpmsg'])(
    'says where it listens, and removes its %s and control socket',
    async (kind) => {
      const listen = `${kind}:${inside('hub')}`;
      const stop = await simulator('--listen', listen, '--control', inside('control'), '--seed', '5');
      expect(stdout).toBe(`seed 5\ncontrol socket ${inside('control')}\nlistening on ${listen}\n`);
      expect([existsSync(inside('hub')), existsSync(inside('control'))]).toEqual([true, true]);
      expect(await stop()).toBe(0);
      expect([existsSync(inside('hub')), existsSync(inside('control'))]).toEqual([false, false]);
    },
  );
});

describe('gpiobridge sim --scenario', () => {
  const scenario = (toml: string) => {
    writeFileSync(inside('day.toml'), toml);
    return ['--listen', `unix:${inside('hub')}`, '--scenario', inside('day.toml')];
  };

  it.each([
    ['in itself', 'wings = 1\n[[step]]\nat = "1s"\nfault = "fire:1"', ['wings: ', 'step[0].fault: ']],
    [
      'on this coprocessor',
      '[[step]]\nat = "1s"\ndrive = ["Q=1", "R=1"]',
      ['step[0].drive: ', 'step[0].drive: '],
    ],
  ])('prints all that is wrong with it %s, status 2', async (_, toml, keys) => {
    expect(await gpiobridge('sim', ...scenario(toml))).toBe(2);
    const lines = stderr.trimEnd().split('\n');
    expect(lines).toEqual(keys.map((key) => expect.stringContaining(`gpiobridge sim: ${key}`)));
    expect([stdout, existsSync(inside('hub'))]).toEqual(['', false]);
  });

  it('plays it, says when it ended, and goes on', async () => {
    const toml = '[[step]]\nat = "10ms"\ndrive = "DOOR=1"';
    const stop = await simulator(...scenario(toml), '--control', inside('control'));
    await until(() => stdout.endsWith('\nscenario ended\n'));
    expect(await askControl(inside('control'), { command: 'pin', line: 'DOOR' })).toMatchObject({ level: 1 });
    expect(await stop()).toBe(0);
  });

  it('ends with status 1 where a step cannot be done', async () => {
    // Time enough to put the file there.
    const toml = '[[step]]\nat = "0s"\nport = "close"\n[[step]]\nat = "2s"\nport = "open"';
    const ended = gpiobridge('sim', ...scenario(toml));
    const isClosed = () => stdout.includes('listening on') && !existsSync(inside('hub'));
    await until(isClosed);
    writeFileSync(inside('hub'), 'in the way');
    expect(await ended).toBe(1);
    expect(stderr).toContain('day.toml: step[1].port: unix:');
  });

  it('stops in the middle of it', async () => {
    const stop = await simulator(...scenario('[[step]]\nat = "1000s"\nreboot = true'));
    expect(await stop()).toBe(0);
    expect(stdout).not.toContain('ended');
  });
});

describe('gpiobridge pin', () => {
  const pin = async (...args: string[]) => {
    stdout = '';
    const status = await gpiobridge('pin', '--control', inside('control'), ...args);
    return [status, stdout];
  };

  it('reads, drives, reboots and tells the statistics', async () => {
    const stop = await simulator(
      ...['--listen', `unix:${inside('hub')}`, '--control', inside('control')],
      ...['--lines', '4', '--controllers', '2', '--names', 'DOOR,,LAMP'],
    );
    expect(await pin('DOOR')).toEqual([0, '0\n']);
    expect(await pin('DOOR=1', '2:3=1')).toEqual([0, '']);
    expect(await pin('DOOR', '1', '2:3')).toEqual([0, 'DOOR=1\n1=0\n2:3=1\n']);
    expect(JSON.parse((await pin('--json', '0'))[1] as string)).toEqual({
      type: 'pin',
      controller: 1,
      line: 0,
      name: 'DOOR',
      direction: 'none',
      level: 1,
    });
    const { boots, total, lines } = JSON.parse((await pin('--reboot', '--stats'))[1] as string);
    expect([boots, total.sensed, lines.length]).toEqual([2, 0, 8]);
    expect(await pin('NOWHERE')).toEqual([1, '']);
    expect(stderr).toBe("gpiobridge pin: no line 'NOWHERE' on controller 1: lines are 0 to 3, or named\n");
    await stop();
  });

  it.each([
    [['DOOR=2'], "'DOOR=2': the level is '2'"],
    [['=1'], "'=1' is no pin"],
    [[], 'nothing to do'],
    [['DOOR'], 'no simulator listens on'],
  ])('refuses %j', async (args, why) => {
    expect(await pin(...args)).toEqual([1, '']);
    expect(stderr).toMatch(/^gpiobridge pin: /);
    expect(stderr).toContain(why);
  });
});
