import { afterEach, expect, it } from 'vitest';
import { SimulatedCoprocessor } from '../../firmware-sim/index.js';
import { runtimeLayout } from '../../src/api/runtime-dir.js';
import { ApiServer } from '../../src/api/server/api-server.js';
import { DEFAULT_API_LIMITS } from '../../src/api/server/limits.js';
import { BootIds } from '../../src/daemon/boot-ids.js';
import { readConfig } from '../../src/daemon/config/read-config.js';
import { Coprocessor } from '../../src/daemon/coprocessor.js';
import type { Dialect } from '../../src/driver/dialect.js';
import { ChipDirectory } from '../../src/gpio/chip-directory.js';
import { systemTime } from '../../src/linux/clock.js';
import { eventually, temporaryDirectory } from '../support/program.js';

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

interface Run {
  readonly coprocessor: Coprocessor;
  readonly firmware: SimulatedCoprocessor;
  /** Warnings about lines that are not used. */
  readonly warnings: string[];
}

/** Firmware of this dialect, and its coprocessor with these keys and dialect `auto`, up. */
async function serve(dialect: Dialect, keys: string): Promise<Run> {
  const dir = temporaryDirectory();
  open.push(dir.remove);
  const firmware = new SimulatedCoprocessor({ dialect, lines: 4 });
  open.push(() => firmware.close());
  const url = `seqpacket:${dir.join('hub')}`;
  await firmware.listen(url);
  const layout = runtimeLayout(dir.join('run'));
  const text = `[[coprocessor]]\nname = "hub"\nlink = "${url}"\n${keys}`;
  const config = readConfig(text, 'hub.toml', []);
  const warnings: string[] = [];
  const coprocessor = new Coprocessor({
    config: config.coprocessors[0]!,
    access: { mode: 0o600 },
    api: new ApiServer({
      layout,
      clock: systemTime,
      limits: DEFAULT_API_LIMITS,
      version: '0',
      graceMs: 0,
      warn: () => {},
    }),
    directory: new ChipDirectory(),
    bootIds: new BootIds(layout.bootIds, () => {}),
    time: systemTime,
    random: Math.random,
    onChange: () => {},
    log: (level, event, fields) => {
      const message = String(fields?.message);
      if (level === 'warn' && event === 'driver' && message.includes('not used')) warnings.push(message);
    },
  });
  open.push(() => coprocessor.stop('the test is over'));
  coprocessor.start();
  await isUp(coprocessor);
  return { coprocessor, firmware, warnings };
}

function isUp({ bus }: Coprocessor): Promise<true> {
  return eventually(
    () => bus.status.state.kind === 'up' || undefined,
    () => JSON.stringify(bus.status),
  );
}

const LINES = 'ngpio = 4\nnames = ["DOOR"]\nwakeup = ["DOOR"]';
const SAID =
  'hub: its firmware speaks virtio-msg, and describes its lines by itself; not used from its [[coprocessor]]: ';

it('says once, by name, which keys are not used where firmware is found to describe its lines', async () => {
  const { coprocessor, firmware, warnings } = await serve('virtio-msg', LINES);
  expect(warnings).toEqual([`${SAID}ngpio, names, wakeup`]);
  firmware.reboot();
  await eventually(
    () => coprocessor.openings > 1 || undefined,
    () => JSON.stringify(coprocessor.bus.status),
  );
  await isUp(coprocessor);
  expect(warnings).toHaveLength(1);
});

it('names only those that are there', async () => {
  const ports = 'ports = [{ number = 0, ngpio = 4 }, { number = 1, ngpio = 4 }]';
  expect((await serve('virtio-msg', ports)).warnings).toEqual([`${SAID}ports, ngpio`]);
  expect((await serve('virtio-msg', '')).warnings).toEqual([]);
});

it('says nothing where they are used', async () => {
  expect((await serve('rpmsg-gpio-v14', LINES)).warnings).toEqual([]);
});
