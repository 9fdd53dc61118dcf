import type { WireSynthetic } from '../../api/schema.js';
import type { SyntheticDescription } from '../../gpio/synthetic/description.js';

/** A synthetic chip as the socket API tells it. */
export function wireSynthetic(
  { name, lines, owner, group, mode, shared }: SyntheticDescription,
  rest: Pick<WireSynthetic, 'lifetime' | 'state'>,
): WireSynthetic {
  return { name, lines, owner: owner ?? null, group: group ?? null, mode: mode ?? null, shared, ...rest };
}
