import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ASCII, glyphsFor, UNICODE } from './glyphs.js';
import { LineHistory, STEPS } from './line-history.js';
import { renderFrame } from './render.js';
import type { WaveLine, WaveState } from './wave-state.js';

const SECOND = 1e9;
const SPAN = 10 * SECOND;
const STEP = SPAN / STEPS;

function lineOf(name: string | undefined, offset = 0): WaveLine {
  return { chip: 'hub', offset, name, history: new LineHistory(0, STEP), heard: true };
}

function stateOf(lines: readonly WaveLine[], more: Partial<WaveState> = {}): WaveState {
  return {
    lines,
    down: new Map(),
    chipNames: ['hub [fw 1]'],
    spanNs: SPAN,
    stepNs: STEP,
    gaps: 0,
    lastGap: undefined,
    ...more,
  };
}

/** Some of everything, at 10 s. */
function busyState(): WaveState {
  const door = lineOf('DOOR');
  door.history.edge(1, 1.1 * SECOND);
  door.history.edge(0, 5.1 * SECOND);
  door.history.edge(1, 7.1 * SECOND);
  door.history.edge(0, 7.11 * SECOND);
  const clock = lineOf('CLOCK', 1);
  for (let at = 0; at < 300; at++) clock.history.edge(at % 2 === 0 ? 1 : 0, (2 + at / 100) * SECOND);
  const rain = lineOf(undefined, 2);
  rain.history.set('x', 3.1 * SECOND);
  rain.history.edge(1, 4.4 * SECOND);
  const lastGap = { atNs: 4 * SECOND, text: 'link on hub, edges lost: 3' };
  return stateOf([door, clock, rain], { gaps: 2, lastGap });
}

describe('renderFrame', () => {
  it('draws edges, spikes, crowds and gaps at 80 columns', () => {
    expect(renderFrame(busyState(), { columns: 80 }, 9.99 * SECOND, UNICODE)).toMatchInlineSnapshot(`
      [
        "hub [fw 1]",
        "line      edges     rate                                        1 column = 179ms",
        "DOOR   0      4    0.4/s ▁▁▁▁▁╱▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔╲▁▁▁▁▁▁▁▁▁▁│▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁",
        "CLOCK  0    300     30/s ▁▁▁▁▁▁▁▁▁▁█████████████████▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁",
        "hub 2  1      1    0.1/s ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁╳╳╳╳╳╳╳╳▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔",
        "                         ╵-9.85s           ╵-6.63s            ╵-3.23s       now╵",
        "2 gaps, the last 5.99s ago: link on hub, edges lost: 3",
      ]
    `);
  });

  it('draws with ASCII', () => {
    expect(renderFrame(busyState(), { columns: 80 }, 9.99 * SECOND, ASCII)).toMatchInlineSnapshot(`
      [
        "hub [fw 1]",
        "line      edges     rate                                        1 column = 179ms",
        "DOOR   0      4    0.4/s _____/"""""""""""""""""""""\\__________|________________",
        "CLOCK  0    300     30/s __________#################____________________________",
        "hub 2  1      1    0.1/s ________________xxxxxxxx"""""""""""""""""""""""""""""""",
        "                         '-9.85s           '-6.63s            '-3.23s       now'",
        "2 gaps, the last 5.99s ago: link on hub, edges lost: 3",
      ]
    `);
  });

  it('leaves numbers out, then shortens names, where the terminal is narrow', () => {
    expect(renderFrame(busyState(), { columns: 40 }, 9.99 * SECOND, ASCII)).toMatchInlineSnapshot(`
      [
        "hub [fw 1]",
        "line      edges         1 column = 417ms",
        "DOOR   0      4 __/"""""""""\\____|______",
        "CLOCK  0    300 ____+#######____________",
        "hub 2  1      1 _______xxxx"""""""""""""",
        "                '-10s               now'",
        "2 gaps, the last 5.99s ago: link on hub~",
      ]
    `);
  });

  it('leaves out what matters less where the terminal is low', () => {
    const rows = (count: number) => renderFrame(busyState(), { columns: 60, rows: count }, SPAN, ASCII);
    expect(rows(7)).toHaveLength(7);
    expect(rows(7)[0]).toBe('hub [fw 1]');
    expect(rows(6)[0]).toMatch(/^line/);
    expect(rows(5).at(-1)).toMatch(/^2 gaps/);
    expect(rows(4).at(-1)).toMatch(/now'$/);
    expect(rows(3)[1]).toBe('(2 more lines: make the window higher)');
  });

  it('shows a chip that is away as unknown from its going on', () => {
    const down = new Map([['hub', { sinceNs: 7 * SECOND, text: 'chip hub is down: unplugged' }]]);
    const [, , row, , news] = renderFrame(
      stateOf([lineOf('DOOR')], { down }),
      { columns: 60 },
      9.99 * SECOND,
      ASCII,
    );
    expect(row).toMatch(/^DOOR {2}x +0 +0\/s _+x{8,13}$/);
    expect(news).toBe('chip hub is down: unplugged');
  });

  it('moves by whole columns, and changes nothing that has passed', () => {
    const state = busyState();
    const wave = (nowNs: number) => renderFrame(state, { columns: 80 }, nowNs, ASCII)[2].slice(-40);
    const waves = Array.from({ length: 30 }, (_, at) => wave(9.5 * SECOND + at * 0.05 * SECOND));
    waves.reduce((before, after) => {
      const moved = [before, ...[1, 2].map((by) => before.slice(by) + after.slice(-by))];
      expect(moved).toContain(after);
      return after;
    });
  });

  it('never lets a name drive the terminal', () => {
    const frame = renderFrame(stateOf([lineOf('\x1b[2Jevil\u0007')]), { columns: 80 }, SPAN, UNICODE);
    expect(frame[2]).toMatch(/^\?\[2Jevil\?/);
    expect(frame.join('')).toMatch(/^\P{Cc}*$/u);
  });

  it('keeps to the size it is given, whatever it is', () => {
    const names = fc.array(fc.option(fc.string({ maxLength: 40 }), { nil: undefined }), {
      minLength: 1,
      maxLength: 64,
    });
    const size = fc.record({
      columns: fc.integer({ min: 1, max: 400 }),
      rows: fc.integer({ min: 1, max: 70 }),
    });
    fc.assert(
      fc.property(names, size, fc.double({ min: 0, max: 1e13, noNaN: true }), (lines, room, nowNs) => {
        const state = stateOf(lines.map(lineOf));
        for (const glyphs of [UNICODE, ASCII]) {
          const frame = renderFrame(state, room, nowNs, glyphs);
          expect(frame.length).toBeLessThanOrEqual(room.rows);
          expect(Math.max(...frame.map((line) => line.length))).toBeLessThanOrEqual(room.columns);
        }
      }),
    );
  });
});

describe('glyphs', () => {
  it('follow the locale as the C library does, and the terminal', () => {
    expect(glyphsFor({ LANG: 'de_DE.UTF-8' })).toBe(UNICODE);
    expect(glyphsFor({ LANG: 'de_DE.UTF-8', LC_ALL: 'C' })).toBe(ASCII);
    expect(glyphsFor({ LC_ALL: '', LC_CTYPE: 'C.utf8', LANG: 'C' })).toBe(UNICODE);
    expect(glyphsFor({ LANG: 'C.UTF-8', TERM: 'linux' })).toBe(ASCII);
    expect(glyphsFor({})).toBe(ASCII);
  });

  it('are each one character', () => {
    for (const glyph of [...Object.values(UNICODE), ...Object.values(ASCII)]) expect(glyph).toHaveLength(1);
  });
});
