import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

interface Vector {
  readonly name: string;
  readonly bytes?: string;
  readonly wire?: string;
}

const vectors = new Map(
  ['test/vectors/virtio-msg.json', 'test/vectors/serial-link.json']
    .flatMap((path) => (JSON.parse(read(path)) as { valid: Vector[] }).valid)
    .map((vector) => [vector.name, vector.bytes ?? vector.wire]),
);

/** Rows of the document's tables: what is shown, and its bytes. */
const rows = [...read('docs/protocol.md').matchAll(/^\| (.+) \| `([0-9a-f]+)` \|$/gm)].map(
  ([, what, hex]) => ({ what, name: /^`([\w-]+)`/.exec(what)?.[1], hex }),
);

describe('the examples in docs/protocol.md', () => {
  const named = rows.filter(({ name }) => name !== undefined);

  it('are there', () => {
    expect(named.length).toBeGreaterThanOrEqual(20);
  });

  it.each(named)('$name is the test vector of that name', ({ name, hex }) => {
    expect(hex).toBe(vectors.get(name as string));
  });

  it('show messages in frames of the serial link', () => {
    const framed = rows.flatMap((row, index) =>
      row.name === undefined ? [{ hex: row.hex, of: rows[index - 1] }] : [],
    );
    expect(framed).toHaveLength(2);
    for (const { hex, of } of framed) {
      const frame = unstuff(Buffer.from(hex, 'hex'));
      expect(frame.subarray(1, -4).toString('hex')).toBe(of.hex);
    }
  });
});

/** COBS as the document describes it, step by step, and not as the source does it. */
function unstuff(wire: Buffer): Buffer {
  const input = [...wire];
  expect(input.pop()).toBe(0);
  const output: number[] = [];
  while (input.length > 0) {
    const code = input.shift() as number;
    output.push(...input.splice(0, code - 1));
    if (code < 0xff && input.length > 0) output.push(0);
  }
  return Buffer.from(output);
}
