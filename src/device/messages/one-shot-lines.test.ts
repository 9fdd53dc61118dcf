import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IRQ_TYPE } from '../../wire/virtio-gpio.js';
import { newEdgeStats } from '../event-line.js';
import { OneShotLines } from './one-shot-lines.js';

const TYPES = Object.values(IRQ_TYPE);

const steps = fc.array(
  fc.oneof(
    { arbitrary: fc.record({ kind: fc.constant('toggle' as const), line: fc.nat(1) }), weight: 5 },
    { arbitrary: fc.record({ kind: fc.constant('unmask' as const), line: fc.nat(1) }), weight: 3 },
    fc.record({
      kind: fc.constant('enable' as const),
      line: fc.nat(1),
      type: fc.constantFrom(...TYPES.filter((type) => type !== IRQ_TYPE.NONE)),
    }),
    fc.record({ kind: fc.constant('disable' as const), line: fc.nat(1) }),
    fc.record({ kind: fc.constant('channel' as const), up: fc.boolean() }),
    fc.record({ kind: fc.constant('reset' as const) }),
  ),
  { maxLength: 200 },
);

describe('lines whose interrupts mask themselves', () => {
  it.each([true, false])('account for every edge, and send none that was not sensed (latch: %s)', (latch) => {
    fc.assert(
      fc.property(steps, (history) => {
        const stats = [newEdgeStats(), newEdgeStats()];
        const levels = [0, 0];
        const sent = [0, 0];
        const masked = [false, false];
        let up = true;
        const lines: OneShotLines = new OneShotLines(stats, {
          latch,
          send: (line, type) => {
            expect(type).toBe(lines.typeOf(line));
            if (!up) return false;
            expect(masked[line]).toBe(false);
            masked[line] = true;
            sent[line]!++;
            return true;
          },
        });
        const forget = (line: number) => {
          masked[line] = false;
        };
        for (const step of history) {
          if (step.kind === 'channel') up = step.up;
          else if (step.kind === 'reset') {
            lines.reset();
            [0, 1].forEach(forget);
          } else if (step.kind === 'toggle') {
            levels[step.line] = 1 - levels[step.line]!;
            lines.edge(step.line, levels[step.line]!);
          } else if (step.kind === 'unmask') {
            masked[step.line] = false;
            lines.unmask(step.line);
          } else if (step.kind === 'disable') {
            lines.disable(step.line);
            forget(step.line);
          } else {
            forget(step.line);
            lines.enable(step.line, step.type);
          }
          stats.forEach(({ sensed, delivered, overflowed, discarded }, line) => {
            const kept = lines.keptOf(line);
            expect(sensed).toBe(delivered + kept + overflowed + discarded);
            expect(delivered).toBe(sent[line]);
            expect(kept).toBeLessThanOrEqual(latch ? 1 : 0);
          });
        }
      }),
    );
  });
});
