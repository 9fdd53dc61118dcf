import { expect, it } from 'vitest';
import { kindOf } from './entry.js';
import { knownKinds } from './known-kinds.js';

it('every record has a kind that can be asked for, the beginning of a coprocessor too', () => {
  const source = { kind: 'source', atNs: 0n, added: { id: 0, name: 'hub', link: 'unix:/x', kind: 'serial' } };
  expect(knownKinds).toContain(kindOf({ record: source, carries: undefined } as never));
});
