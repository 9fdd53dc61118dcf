import { spawn } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { SimulatedCoprocessor } from '../../firmware-sim/index.js';
import { SerialLink } from '../../src/link/serial/serial-link.js';
import { systemTime } from '../../src/linux/clock.js';
import { Chain } from '../support/chain.js';
import { eventually, Program, run } from '../support/program.js';
import { noise, repeating, speaking } from '../support/strange-ports.js';
import { ANSWERED, alone, asNobody, isExclusivelyOpen, it, PLAYED, probe } from './probing.js';

const text = (words: string) => new TextEncoder().encode(words);

describe.concurrent('a port that does not work', () => {
  it('1: wrong speed', async ({ here }) => {
    const { path } = await here.port(repeating(20, noise(40)));
    const { status, stdout } = await probe(`serial:${path}`, ...PLAYED);
    expect(status).toBe(1);
    expect(stdout).toMatch(
      /at 115200 baud: \d+ bytes came and no valid frame: most likely another baud rate\n/,
    );
    expect(stdout).toMatch(/^ {2}first bytes +([0-9a-f]{2} ){16}/m);
    expect(stdout).toContain(`gpiobridge probe serial:${path} --baud 9600 57600 460800 921600`);
  });

  it('2: console text, to which nothing is sent', async ({ here }) => {
    const { path, received } = await here.port(repeating(50, () => text('\r\nhub login: ')));
    const { status, stdout } = await probe(`serial:${path}`, ...PLAYED);
    expect(status).toBe(1);
    expect(stdout).toMatch(/bytes came and no valid frame: text, as of a console\n/);
    expect(stdout).toMatch(/^ {2}first bytes .*hub login: /m);
    expect(stdout).toContain('serial-getty');
    expect(received()).toBe(0);
  });

  it('2: console text, talked to anyway', async ({ here }) => {
    const { path, received } = await here.port(repeating(50, () => text('\r\nhub login: ')));
    const { stdout } = await probe(`serial:${path}`, '--anyway', ...PLAYED);
    expect(stdout).toContain('text, as of a console');
    expect(received()).toBeGreaterThan(0);
  });

  it('a line that is held low', async ({ here }) => {
    const { path } = await here.port(repeating(20, () => new Uint8Array(1)));
    const { stdout } = await probe(`serial:${path}`, ...PLAYED);
    expect(stdout).toContain('no valid frame: zeros only, as of a line that is held low\n');
  });

  it('3: taken, by whom', async ({ here }) => {
    const { path, received } = await here.port();
    const other = new Program(['probe', `serial:${path}`, '--seconds', '60'], alone());
    here.cleanUp.push(() => other.stop('SIGKILL'));
    await eventually(() => (received() > 0 ? true : undefined), 'the other program to have the port');
    const { status, stdout } = await probe(`serial:${path}`);
    expect(status).toBe(1);
    expect(stdout).toMatch(new RegExp(`is in use by pid ${other.process.pid} .*: end it first\n$`));
  });

  it('4: unplugged while it is listened to, and while it is talked to', async ({ here }) => {
    const first = await here.port(repeating(20, noise(40)));
    const early = new Program(['probe', `serial:${first.path}`, '--seconds', '60'], alone());
    await eventually(() => (isExclusivelyOpen(first.path) ? true : undefined), 'the port to be open');
    await first.close();
    expect(await early.exit()).toBe(1);
    expect(early.stdout).toMatch(/the port went away during the probe: .*\n/);
    expect(early.stdout).toContain('look at the cable');

    const second = await here.port();
    const program = new Program(['probe', `serial:${second.path}`, '--seconds', '60'], alone());
    await eventually(() => (second.received() > 0 ? true : undefined), 'an RST');
    await second.close();
    expect(await program.exit()).toBe(1);
    expect(program.stdout).toContain('the port went away during the probe: ');
  });

  it('5: no permission', async ({ here }) => {
    const { path } = await here.port();
    const slave = realpathSync(path);
    chmodSync(slave, 0o000);
    const { status, stdout } = await asNobody(['probe', `serial:${slave}`]);
    expect(status).toBe(1);
    expect(stdout).toMatch(
      new RegExp(
        `^serial:${slave}: no permission to open ${slave}: it belongs to uid \\d+, group .+, mode 0000\n$`,
      ),
    );
  });

  it('5: no permission, and the group that has it', async ({ here, skip }) => {
    if (process.getuid?.() !== 0) return skip();
    const { path } = await here.port();
    const slave = realpathSync(path);
    chownSync(slave, 0, 20);
    chmodSync(slave, 0o660);
    const { stdout } = await asNobody(['probe', `serial:${slave}`]);
    expect(stdout).toContain('group dialout may: sudo usermod -aG dialout $USER, then log in again');
  });

  it('6: not a tty', async ({ here }) => {
    writeFileSync(here.directory.join('file'), '');
    expect(await probe(here.directory.join('file'))).toMatchObject({
      status: 1,
      stdout: expect.stringContaining('is a file, not a serial port or terminal'),
    });
    expect(await probe('/dev/null')).toMatchObject({
      status: 1,
      stdout: expect.stringContaining('is a device of another kind, not a serial port or terminal'),
    });
  });

  it('7: silent', async ({ here }) => {
    const { path } = await here.port();
    const { status, stdout } = await probe(`serial:${path}?baud=9600`, '--seconds', '1');
    expect(status).toBe(1);
    expect(stdout).toContain('at 9600 baud: nothing came at all\n');
    expect(stdout).toContain('TX goes to RX');
    expect(stdout).not.toContain('first bytes');
    expect(stdout).toMatch(/--baud 57600 115200/);
  });

  it('8: PLAIN only, which works, with a warning before the HELLO', async ({ here }) => {
    const coprocessor = new SimulatedCoprocessor({ lines: 8 });
    here.cleanUp.push(() => coprocessor.close());
    const { path } = await here.port((stream) => {
      const options = { role: 'device', mode: 'plain', time: systemTime, random: Math.random } as const;
      coprocessor.attach(new SerialLink('firmware', stream, options));
    });
    const { status, stdout, stderr } = await probe(`serial:${path}`, ...ANSWERED);
    expect(stdout).toMatch(/firmware answered: gpiobridge-sim/);
    expect(stdout).toContain('PLAIN: damage is detected, not repaired');
    expect(stdout).toMatch(/device 1 +GPIO, 8 lines, 8 named; irq event-stamp/);
    expect(stderr).toMatch(/^gpiobridge probe: the boot_id is not known: .*\n$/);
    expect(status).toBe(0);
  });

  it.for([
    ['rpmsg-gpio', (packet: Uint8Array) => (packet.length === 8 ? [[0, 0, 2]] : [])],
    [
      'rpmsg-gpio',
      (packet: Uint8Array) =>
        packet.length === 8
          ? [
              [1, 5, 0],
              [0, 1, 0],
            ]
          : [[0, 1, 0]],
    ],
    ['rpmsg-gpio-v14', (packet: Uint8Array) => (packet.length === 8 ? [[1, 0, 2]] : [])],
    [
      'rpmsg-gpio-v14',
      () => [
        [2, 5, 3],
        [1, 1, 0],
      ],
    ],
    [
      'srtm',
      (packet: Uint8Array) => (packet.length === 16 ? [[5, 1, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1]] : []),
    ],
  ] as const)("9: another dialect's bytes: %s in frames", async ([dialect, answer], { here }) => {
    const replies = (packet: Uint8Array) => answer(packet).map((bytes) => Uint8Array.from(bytes));
    const { path } = await here.port(speaking(replies));
    const { status, stdout } = await probe(`serial:${path}`, ...ANSWERED);
    expect(stdout).toContain(`firmware answered in dialect ${dialect}`);
    expect(stdout).toContain(`dialect = "${dialect}"`);
    expect(stdout).toContain('ngpio = N');
    expect(stdout).toMatch(/link +a session: window 7, max_payload 1024 bytes/);
    expect(status).toBe(0);
  });

  it.for([
    ['srtm', [5, 1, 0, 2, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0]],
    ['rpmsg-gpio', [0, 0, 1, 1, 5, 0, 0, 0, 0]],
    ['rpmsg-gpio-v14', [1, 0, 1, 2, 5, 3, 1, 0, 0]],
  ] as const)("9: another dialect's bytes: %s without frames", async ([dialect, bytes], { here }) => {
    const { path } = await here.port((stream) => {
      const subscription = stream.data$.subscribe(() => {
        subscription.unsubscribe();
        void stream.write(Uint8Array.from(bytes));
      });
    });
    const { stdout } = await probe(`serial:${path}`, ...PLAYED);
    expect(stdout).toContain(`this looks like dialect ${dialect}, without the frames of the serial link`);
  });

  it('10: a directory', async ({ here }) => {
    mkdirSync(here.directory.join('folder'));
    const { status, stdout } = await probe(here.directory.join('folder'));
    expect(status).toBe(1);
    expect(stdout).toContain('/folder is a directory, not a serial port or terminal\n');
  });

  it('missing', async ({ here }) => {
    const { status, stdout } = await probe('/dev/ttyNOPE9');
    expect(status).toBe(1);
    expect(stdout).toMatch(/^serial:\/dev\/ttyNOPE9: \/dev\/ttyNOPE9 does not exist; /);
    expect(await probe(`unix:${here.directory.join('none')}`)).toMatchObject({ status: 1 });
  });

  it('a loopback', async ({ here }) => {
    const { path } = await here.port((stream) => {
      stream.data$.subscribe(({ bytes }) => void stream.write(Uint8Array.from(bytes)).catch(() => {}));
    });
    const { status, stdout } = await probe(`serial:${path}`, ...ANSWERED);
    expect(status).toBe(1);
    expect(stdout).toContain('what is sent comes back: TX is connected to RX, or a terminal echoes');
  });

  it('the serial link, and nobody on the bus', async ({ here }) => {
    const { path } = await here.port(speaking(() => []));
    const { status, stdout } = await probe(`serial:${path}`, ...PLAYED);
    expect(status).toBe(1);
    expect(stdout).toContain('the serial link works, but HELLO stays unanswered');
  });

  it('at any of several rates, as JSON', async ({ here }) => {
    const { path } = await here.port(repeating(20, noise(40)));
    const { status, stdout } = await probe(path, '--json', ...PLAYED, '--baud', '9600', '57600');
    const reports = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(status).toBe(1);
    expect(reports).toMatchObject([
      { type: 'probe', url: `serial:${path}`, baud: 9_600, verdict: 'wrong-speed', firmware: null },
      { type: 'probe', url: `serial:${path}`, baud: 57_600, verdict: 'wrong-speed', dialect: null },
    ]);
    expect(reports[0].received.head).toMatch(/^[0-9a-f]{64}$/);
  });
});

// Alone: every probe that runs meanwhile would tell of it.
it('with a program about that grabs ports', async ({ here }) => {
  copyFileSync('/bin/sleep', here.directory.join('ModemManager'));
  const manager = spawn(here.directory.join('ModemManager'), ['60']);
  here.cleanUp.push(() => manager.kill('SIGKILL'));
  await new Promise((resolve) => manager.once('spawn', resolve));
  const { path } = await here.port();
  const { stdout } = await probe(`serial:${path}`, '--seconds', '0.3');
  expect(stdout).toMatch(new RegExp(`ModemManager \\(pid ${manager.pid}\\) runs here and grabs new ports`));
});

describe.concurrent('firmware that answers', () => {
  it('is described', async ({ here }) => {
    const coprocessor = new SimulatedCoprocessor({ lines: 5, controllers: 2, names: ['DOOR', '', 'LAMP'] });
    here.cleanUp.push(() => coprocessor.close());
    await coprocessor.listen(`unix:${here.directory.join('hub')}`);
    const { status, stdout, stderr } = await probe(`unix:${here.directory.join('hub')}`, ...ANSWERED);
    expect([status, stderr]).toEqual([0, '']);
    const boot = `0x${coprocessor.bootId.toString(16).padStart(8, '0')}`;
    expect(stdout.split('\n')).toEqual([
      `unix:${here.directory.join('hub')}: firmware answered: gpiobridge-sim 1.0`,
      '  link        a session: window 7, max_payload 1024 bytes',
      '  dialect     virtio-msg, messages of up to 1024 bytes, time log resume',
      `  boot        ${boot}, no lines in use`,
      expect.stringMatching(/^ {2}round trip {2}[\d.]+ [um]s$/),
      expect.stringMatching(/^ {2}clock {7}\d+\.\d{6} s since it started, within [\d.]+ [um]s$/),
      '  device 1    GPIO, 5 lines, 2 named; irq event-stamp event-queue names-in-config',
      '  device 2    GPIO, 5 lines, 0 named; irq event-stamp event-queue names-in-config',
      expect.stringMatching(/^ {2}do {10}serve it: gpiobridge daemon --link 'hub=unix:/),
      '',
    ]);
  });

  it('is asked for names that are not in its configuration', async ({ here }) => {
    const features = { irq: true, stamp: false, queue: false, namesInConfig: false };
    const coprocessor = new SimulatedCoprocessor({ lines: 5, names: ['DOOR', '', 'LAMP'], features });
    here.cleanUp.push(() => coprocessor.close());
    await coprocessor.listen(`unix:${here.directory.join('hub')}`);
    const { status, stdout } = await probe(`unix:${here.directory.join('hub')}`, ...ANSWERED);
    expect(stdout).toContain('device 1    GPIO, 5 lines, 2 named; irq\n');
    expect(status).toBe(0);
    expect(coprocessor.driverOk).toBe(false);
  });

  it('is waited for while its boot loader prints', async ({ here }) => {
    const coprocessor = new SimulatedCoprocessor({ lines: 8 });
    here.cleanUp.push(() => coprocessor.close());
    let opened = false;
    const { path } = await here.port((stream) => {
      let lines = 0;
      const timer = setInterval(() => {
        // Nobody hears what is printed before the port is open: that board starts at the opening.
        if (!opened && !isExclusivelyOpen(path)) return;
        opened = true;
        void stream.write(text(`boot: line ${++lines}\r\n`));
        if (lines < 60) return;
        clearInterval(timer);
        const options = { role: 'device', time: systemTime, random: Math.random } as const;
        coprocessor.attach(new SerialLink('firmware', stream, options));
      }, 20);
      return () => clearInterval(timer);
    });
    const { status, stdout } = await probe(`serial:${path}`, ...ANSWERED);
    expect(stdout).toMatch(/firmware answered: gpiobridge-sim/);
    expect(status).toBe(0);
  });

  it('is left as it is when it runs', async ({ here }) => {
    const chain = new Chain({ port: 'pty' });
    here.cleanUp.push(() => chain.stop());
    const client = await chain.client();
    const chip = await eventually(() => client.openChip('hub').catch(() => undefined), 'the chip');
    const config = {
      direction: 'output',
      value: 1,
      edges: 'none',
      activeLow: false,
      eventClock: 'monotonic',
    } as const;
    await chip.requestLines({ consumer: 'test', offsets: [7], config });
    const pin = () => run(['pin', '--control', chain.control, '7']);
    expect(await pin()).toMatchObject({ stdout: '1\n' });
    await chain.daemon.stop('SIGKILL');
    const { status, stdout, stderr } = await probe(`serial:${chain.port}`, ...ANSWERED);
    expect(stdout).toContain('lines in use, which go on undisturbed');
    expect([status, stderr]).toEqual([0, '']);
    expect(await pin()).toMatchObject({ stdout: '1\n' });
  });

  it('is not asked for more with --no-hello', async ({ here }) => {
    const { path } = await here.port(speaking(() => []));
    const { status, stdout } = await probe(`serial:${path}`, '--no-hello', ...ANSWERED);
    expect(status).toBe(1);
    expect(stdout).toContain('firmware that speaks the serial link; HELLO was not said');
  });

  it.for(['a daemon that answers', 'a daemon that may not be asked'])(
    'is left to %s',
    async (which, { here }) => {
      const chain = new Chain({ port: 'pty' });
      here.cleanUp.push(() => chain.stop());
      await chain.client();
      await chain.daemon.waitFor(/link_up/);
      const asked = which === 'a daemon that answers';
      const env = asked ? { GPIOBRIDGE_RUNTIME_DIR: chain.runtimeDir } : alone();
      const { status, stdout, stderr } = await run(['probe', `serial:${chain.port}`], env);
      const name = asked ? " as 'hub'" : '';
      expect([status, stdout, stderr]).toEqual([
        1,
        '',
        `gpiobridge probe: a gpiobridge daemon (pid ${chain.daemon.process.pid}) has this port${name}: ` +
          "'gpiobridge status' tells how it is\n",
      ]);
    },
  );
});

it.for([
  [['nowhere'], 'the kind is missing'],
  [['tcp:localhost:1', '--baud', '9600'], '--baud: tcp:localhost:1 is no serial port'],
  [['/dev/null', '--baud', 'fast'], "--baud: 'fast' is no rate"],
  [['/dev/null', '--seconds', '0'], "--seconds: '0' is no number from 0.1 to 3600"],
])('refuses %j', async ([args, why]) => {
  const { status, stdout, stderr } = await probe(...args);
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toContain(why);
});
