import type { WireSyntheticLine } from '../../api/schema.js';
import type { LineInfo } from '../../gpio/chip.js';
import { isBound, type LineBinding } from '../../gpio/synthetic/line-binding.js';
import type { LineSpec } from '../../gpio/synthetic/line-spec.js';
import { parentDown } from '../../gpio/synthetic/parents-state.js';

/** What the control socket tells of a synthetic chip's line, and of whoever uses it: more than the chip's own users may know. */
export function lineRow(
  { offset, name }: LineInfo,
  { spec, binding }: { readonly spec: LineSpec; readonly binding: LineBinding },
): WireSyntheticLine {
  const parent = isBound(binding) ? binding.parent.lineInfo(binding.offset) : undefined;
  return {
    offset,
    name: name ?? null,
    parent: spec.parent,
    parent_offset: isBound(binding) ? binding.offset : null,
    consumer: parent?.consumer ?? null,
    through_chip: parent?.consumer === undefined ? null : (parent.throughChip ?? null),
    unavailable: whyUnavailable(binding) ?? null,
  };
}

function whyUnavailable(binding: LineBinding): string | undefined {
  if (!isBound(binding)) return binding.problem.message;
  const { name, state } = binding.parent;
  return state.kind === 'down' ? parentDown(name, state.reason) : undefined;
}
