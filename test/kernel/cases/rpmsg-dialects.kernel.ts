import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../support/program.js';
import { mustRecover } from '../lab/recovery.js';
import { RpmsgLab } from '../lab/rpmsg-lab.js';

const DIALECTS = ['rpmsg-gpio', 'rpmsg-gpio-v14', 'srtm'] as const;
const LINES = 4;
/** Firmware of these dialects keeps one edge of a line until the interrupt was armed again. */
const EDGES = 20;

/** One remote processor of each dialect, and a chip of each, called as the dialect. */
const remoteOf = (dialect: (typeof DIALECTS)[number]) => ({
  simulated: { dialect, services: [`io-${dialect}`], lines: LINES },
  link: `rpmsg:io-${dialect}`,
  config: `dialect = "${dialect}"\nngpio = ${LINES}\nnames = ["${dialect}-in", "${dialect}-out"]`,
});

describe('the daemon with firmware of the other dialects', () => {
  let lab: RpmsgLab;
  beforeAll(async () => {
    lab = await RpmsgLab.boot(Object.fromEntries(DIALECTS.map((dialect) => [dialect, remoteOf(dialect)])));
  });
  afterAll(() => lab?.stop());

  it('has a chip of each', async () => {
    const detected = await lab.guest.must('gpiobridge detect');
    for (const dialect of DIALECTS)
      expect(detected).toMatch(new RegExp(`^${dialect} .*\\(${LINES} lines\\)$`, 'm'));
  });

  it('reads and sets lines of all in one command', async () => {
    const { guest } = lab;
    for (const dialect of DIALECTS) lab.coprocessor(dialect).drive(0, 1);
    const inputs = DIALECTS.map((dialect) => `${dialect}-in`);
    expect(await guest.must(`gpiobridge get ${inputs.join(' ')}`)).toBe(
      inputs.map((name) => `"${name}"=active`).join(' '),
    );
    const outputs = DIALECTS.map((dialect) => `${dialect}-out=1`).join(' ');
    const setting = guest.start(`exec gpiobridge set --banner ${outputs}`);
    const driven = () => DIALECTS.every((dialect) => lab.coprocessor(dialect).pin(1).level === 1);
    await eventually(() => (driven() ? true : undefined), 'the outputs to be driven', 60_000);
    expect((await setting.stop('SIGINT')).stderr).toBe('');
  });

  it.each(DIALECTS)(
    'delivers each edge that the firmware is ready for, and comes back: %s',
    async (dialect) => {
      const coprocessor = lab.coprocessor(dialect);
      coprocessor.drive(2, 0);
      const watch = await lab.watch([2], dialect, EDGES);
      for (let i = 1; i <= EDGES; i++) {
        coprocessor.drive(2, (i % 2) as 0 | 1);
        await eventually(
          () => (coprocessor.stats().total.kept === 0 ? true : undefined),
          `edge ${i} to be taken`,
        );
      }
      // An edge is one once its level was read.
      await eventually(() => (watch.edges === EDGES ? true : undefined), 'the edges to arrive');
      await mustRecover(async () => {
        await coprocessor.closePorts();
        coprocessor.reboot();
        await watch.chipGoes('down');
        await coprocessor.openPorts();
        await watch.chipGoes('up');
        return lab.recoveryMs(`io-${dialect}`, dialect);
      });
      const line = (await watch.stop()).get(2);
      expect(line).toMatchObject({ edges: EDGES, lost: 0, disordered: 0 });
      // What was missed cannot be known: these dialects count nothing, and do not say when the firmware started.
      expect(watch.process.stdout).toMatch(/{"gap":{("offset":2,)?"lost":null,"reason":"link"}}/);
    },
  );
});
