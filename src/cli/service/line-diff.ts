/** Lines around a change that are shown with it. */
const CONTEXT = 2;

type Edit = { readonly sign: ' ' | '-' | '+'; readonly line: string };

/**
 * What changes between two texts, line by line, each marked `+`, `-` or ` `; runs of lines that do
 * not change are left out but for a few. Empty when nothing changes. For files of a few hundred lines.
 */
export function lineDiff(before: string, after: string): string[] {
  const edits = editsBetween(linesOf(before), linesOf(after));
  const near = (at: number) =>
    edits.slice(Math.max(0, at - CONTEXT), at + CONTEXT + 1).some(({ sign }) => sign !== ' ');
  const shown: string[] = [];
  let skipping = false;
  edits.forEach(({ sign, line }, at) => {
    if (near(at)) shown.push(`${sign} ${line}`.trimEnd());
    else if (!skipping) shown.push('...');
    skipping = !near(at);
  });
  return shown.some((line) => line !== '...') ? shown : [];
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

/** By the longest common subsequence. */
function editsBetween(before: readonly string[], after: readonly string[]): Edit[] {
  const common = commonLengths(before, after);
  const edits: Edit[] = [];
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      edits.push({ sign: ' ', line: before[i]! });
      i++;
      j++;
    } else if (j === after.length || (i < before.length && common[i + 1]![j]! >= common[i]![j + 1]!)) {
      edits.push({ sign: '-', line: before[i++]! });
    } else {
      edits.push({ sign: '+', line: after[j++]! });
    }
  }
  return edits;
}

/** `[i][j]`: how many lines the rests of both from i and j on have in common, in order. */
function commonLengths(before: readonly string[], after: readonly string[]): number[][] {
  const table = Array.from({ length: before.length + 1 }, () => new Array<number>(after.length + 1).fill(0));
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      table[i]![j] =
        before[i] === after[j] ? table[i + 1]![j + 1]! + 1 : Math.max(table[i + 1]![j]!, table[i]![j + 1]!);
    }
  }
  return table;
}
