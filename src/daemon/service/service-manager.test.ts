import { describe, expect, it } from 'vitest';
import { HandTime } from '../../../test/conformance/hand-time.js';
import { notifyEnvironment } from './notify-environment.js';
import { ServiceManager } from './service-manager.js';
import { statusLine } from './status-line.js';

class Manager {
  readonly time = new HandTime();
  readonly told: string[] = [];
  readonly errors: unknown[] = [];
  tried = false;
  line = 'a';
  room = true;
  broken = false;
  closed = 0;

  readonly target = {
    send: (message: string): boolean => {
      if (this.broken) throw new Error('gone');
      if (this.room) this.told.push(message);
      return this.room;
    },
    close: () => {
      this.closed++;
    },
  };

  start(watchdogMs?: number): ServiceManager {
    return new ServiceManager({
      environment: { watchdogMs },
      target: this.target,
      time: this.time,
      statusLine: () => this.line,
      tried: () => this.tried,
      firstTryMs: 3_000,
      onError: (error) => this.errors.push(error),
    });
  }

  take(): string[] {
    return this.told.splice(0);
  }
}

describe('ServiceManager', () => {
  it('tells READY once everything has been tried, and STATUS as it changes', () => {
    const manager = new Manager();
    const service = manager.start();
    manager.time.advance(1_000);
    expect(manager.take()).toEqual(['STATUS=a']);
    manager.tried = true;
    service.changed();
    expect(manager.take()).toEqual(['READY=1\nSTATUS=a']);
    for (manager.line of ['b', 'c']) service.changed();
    expect(manager.take()).toEqual([]);
    manager.time.advance(100);
    expect(manager.take()).toEqual(['STATUS=c']);
    service.changed();
    manager.time.advance(1_000);
    expect(manager.take()).toEqual([]);
  });

  it('does not wait for a coprocessor that says nothing for longer than first_try', () => {
    const manager = new Manager();
    manager.start();
    manager.time.advance(2_999);
    expect(manager.take()).not.toContainEqual(expect.stringContaining('READY'));
    manager.time.advance(1);
    expect(manager.take()).toEqual(['READY=1\nSTATUS=a']);
    manager.time.advance(10_000);
    expect(manager.take()).toEqual([]);
  });

  it('keeps the watchdog away, from the first moment on', () => {
    const manager = new Manager();
    const service = manager.start(500);
    manager.time.advance(2_000);
    expect(manager.take().filter((message) => message === 'WATCHDOG=1')).toHaveLength(5);
    service.stopping();
    manager.take();
    manager.time.advance(2_000);
    expect(manager.take()).toEqual([]);
  });

  it('brackets a reload, with the time of the kernel clock in the same message', () => {
    const manager = new Manager();
    manager.tried = true;
    const service = manager.start();
    manager.time.advance(1_234);
    manager.take();
    service.reloading();
    service.reloaded();
    expect(manager.take()).toEqual(['RELOADING=1\nMONOTONIC_USEC=1234000', 'READY=1']);
  });

  it('says that it stops, and then nothing more', () => {
    const manager = new Manager();
    manager.tried = true;
    const service = manager.start();
    manager.take();
    service.stopping();
    service.changed();
    service.close();
    manager.time.advance(60_000);
    expect(manager.take()).toEqual(['STOPPING=1\nSTATUS=stopping']);
    expect(manager.closed).toBe(1);
  });

  it('tells again, in order, what found no room, but only the newest STATUS', () => {
    const manager = new Manager();
    manager.room = false;
    manager.tried = true;
    const service = manager.start(30);
    service.reloading();
    for (manager.line of ['b', 'c']) {
      service.changed();
      manager.time.advance(150);
    }
    manager.room = true;
    manager.time.advance(200);
    const told = manager.take().filter((message) => message !== 'WATCHDOG=1');
    expect(told.filter((message) => !message.startsWith('STATUS'))).toEqual([
      'READY=1\nSTATUS=a',
      'RELOADING=1\nMONOTONIC_USEC=0',
    ]);
    expect(told.filter((message) => message.startsWith('STATUS'))).toEqual(['STATUS=c']);
  });

  it('holds no more than a few messages for a manager that takes none', () => {
    const manager = new Manager();
    manager.room = false;
    manager.tried = true;
    const service = manager.start();
    for (let i = 0; i < 1_000; i++) service.reloading();
    manager.room = true;
    manager.time.advance(100);
    expect(manager.take().length).toBeLessThanOrEqual(9);
  });

  it('goes on where telling fails, and says so once', () => {
    const manager = new Manager();
    manager.broken = true;
    manager.tried = true;
    const service = manager.start(10);
    service.reloading();
    manager.time.advance(10_000);
    service.stopping();
    expect(manager.errors).toHaveLength(1);
  });
});

describe('notifyEnvironment', () => {
  it('is nobody without a Unix address', () => {
    for (const NOTIFY_SOCKET of [undefined, '', 'vsock:2:1234', 'relative', '/', '@']) {
      expect(notifyEnvironment({ NOTIFY_SOCKET }, 1)).toBeUndefined();
    }
  });

  it('halves the watchdog, if it is meant for this process', () => {
    const env = { NOTIFY_SOCKET: '@x', WATCHDOG_USEC: '30000000' };
    expect(notifyEnvironment(env, 7)).toEqual({ address: '@x', watchdogMs: 15_000 });
    expect(notifyEnvironment({ ...env, WATCHDOG_PID: '7' }, 7)?.watchdogMs).toBe(15_000);
    expect(notifyEnvironment({ ...env, WATCHDOG_PID: '8' }, 7)?.watchdogMs).toBeUndefined();
    for (const WATCHDOG_USEC of ['', '0', '-1', '1e3', 'soon', '9'.repeat(30)]) {
      expect(notifyEnvironment({ ...env, WATCHDOG_USEC }, 7)?.watchdogMs).toBeUndefined();
    }
  });
});

describe('statusLine', () => {
  const coprocessor = (name: string, reason: string | null) =>
    ({ name, link_state: reason === null ? 'up' : 'waiting', reason }) as never;
  const line = (...reasons: (string | null)[]) =>
    statusLine({
      coprocessors: () => reasons.map((reason, i) => coprocessor(`c${i}`, reason)),
      chips: () => [],
    });

  it('counts what is up, and gives the first reason', () => {
    expect(line(null)).toBe('1 of 1 coprocessor up, 0 chips');
    expect(line(null, 'unplugged', 'no port')).toBe(
      '1 of 3 coprocessors up, 0 chips, c1: unplugged, and 1 more',
    );
  });

  it('is one line, not long', () => {
    expect(line('a\nb')).toBe('0 of 1 coprocessor up, 0 chips, c0: a b');
    expect(line('x'.repeat(500))).toHaveLength(200);
  });
});
